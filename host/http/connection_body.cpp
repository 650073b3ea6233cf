// How a connection reads the body of a request: small ones without blocking, large ones for the worker that
// runs the handler.
#include "http/connection.hpp"

#include <algorithm>

namespace dispatch::http {

void Connection::startBody() {
  body.clear();
  _chunks.reset();
  _failure = {};
  _bodyBytes = 0;
  _bodyLeft = head.contentLength.value_or(0);
  _bodyComplete = !head.chunked && _bodyLeft == 0;
  _continueAwaited = head.expectContinue && !_bodyComplete;
  _phaseStart = _progressAt = nowMs();
  _phase = Phase::body;
  if (_bodyComplete) return;
  const auto path = head.path();
  _bodyMost = core.options.bodyLimit ? core.options.bodyLimit(head.method, path) : core.options.maxBodyBytes;
  if (_bodyLeft > _bodyMost) {
    refuse({413, "body: larger than the " + std::to_string(_bodyMost) + " bytes accepted here"});
    return;
  }
  if (!pending().empty()) _continueAwaited = false;  // RFC 9110 10.1.1: it did not wait
  if (_bodyLeft > core.options.bufferedBodyBytes) {
    _phase = Phase::upload;
    return;
  }
  if (_continueAwaited) sendContinue();
}

void Connection::sendContinue() {
  if (!std::exchange(_continueAwaited, false)) return;
  constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
  const auto [status, bytes] = io.write(line);
  Counters::add(core.counters.bytesOut, bytes);
  // A client that waits for 25 bytes and does not take them has gone; one half of them would spoil what
  // follows.
  if (bytes != line.size()) {
    _ended = true;
    _more = false;
  }
}

bool Connection::collectBody(Refusal& refusal) {
  if (_bodyComplete) return true;
  const std::size_t most = core.options.bufferedBodyBytes;
  if (head.chunked) {
    std::size_t used = 0;
    const std::size_t before = body.size();
    const auto result = _chunks.decode(pending(), used, body, most);
    consume(used);
    _bodyBytes += body.size() - before;
    if (result == ChunkDecoder::Result::malformed) refusal = {400, "body: malformed chunk"};
    _bodyComplete = result == ChunkDecoder::Result::done;
  } else {
    const auto take = static_cast<std::size_t>(
        std::min<std::uint64_t>({pending().size(), _bodyLeft, most - std::min(most, body.size())}));
    body.append(pending().substr(0, take));
    consume(take);
    _bodyLeft -= take;
    _bodyBytes += take;
    _bodyComplete = _bodyLeft == 0;
  }
  if (_bodyBytes > _bodyMost)
    refusal = {413, "body: larger than the " + std::to_string(_bodyMost) + " bytes accepted here"};
  return _bodyComplete && !refusal;
}

bool Connection::readMore() {
  if (_bodyComplete || _failure.refusal || _failure.gone) return false;
  sendContinue();
  body.clear();
  const std::int64_t total = _phaseStart + core.options.bodyLimitTotal.count();
  while (true) {
    Refusal refusal;
    const bool complete = collectBody(refusal);
    if (refusal) {
      _failure.refusal = refusal;
      return false;
    }
    if (!body.empty()) return true;
    if (complete) return false;
    const Fill filled = fill();
    if (filled == Fill::some) continue;
    if (filled == Fill::end) {
      _failure.gone = true;
      return false;
    }
    const std::int64_t limit = std::min(core.paceDeadline(_phaseStart, _bodyBytes, _progressAt), total);
    if (!core.waitFor(io, false, limit)) {
      _failure.refusal = {408, "body: it came too slowly; at least " +
                                   std::to_string(core.options.minBytesPerSecond) +
                                   " bytes per second are expected"};
      return false;
    }
    _more = true;
  }
}

}  // namespace dispatch::http
