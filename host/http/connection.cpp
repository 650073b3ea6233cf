#include "http/connection.hpp"

#include <Poco/Net/SocketAddress.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>

namespace dispatch::http {
namespace {

constexpr std::size_t scratchSize = 64 * 1024;
constexpr std::int64_t lingerMs = 2'000;
constexpr std::uint64_t lingerBytes = 8 * 1024 * 1024;

char* scratch() {
  thread_local std::string buffer(scratchSize, '\0');
  return buffer.data();
}

}  // namespace

Connection::Connection(Core& shared, int fd, ssl_ctx_st* tls, const Poco::Net::SocketAddress& from)
    : core(shared),
      io(fd, tls),
      peer(from),
      _phase(tls ? Phase::handshake : Phase::head),
      _phaseStart(nowMs()) {
  _deadline = _phaseStart + (tls ? core.options.handshakeLimit : core.options.headLimit).count();
}

bool Connection::claim(std::uint32_t edges) {
  std::uint32_t bits = 0;
  if (edges & EPOLLIN) bits |= readBit;
  if (edges & EPOLLOUT) bits |= writeBit;
  if (edges & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) bits |= readBit | hangupBit;
  std::uint32_t state = _state.load(std::memory_order_acquire);
  while (true) {
    if (state & closedBit) return false;
    if (state & ownedBit) {
      if (_state.compare_exchange_weak(state, state | bits, std::memory_order_acq_rel)) return false;
    } else if (_state.compare_exchange_weak(state, ownedBit, std::memory_order_acq_rel)) {
      noteEdges(bits);
      return true;
    }
  }
}

void Connection::noteEdges(std::uint32_t bits) {
  if (bits & readBit) _more = true;
  if ((bits & writeBit) && _phase == Phase::handshake) _more = true;
  if (bits & hangupBit) _hangup = true;
}

bool Connection::release() {
  std::uint32_t state = ownedBit;
  while (!_state.compare_exchange_weak(state, 0, std::memory_order_acq_rel)) {
    const std::uint32_t edges = state & ~ownedBit;
    if (edges == 0) {
      state = ownedBit;
      continue;
    }
    if (!_state.compare_exchange_strong(state, ownedBit, std::memory_order_acq_rel)) {
      state = ownedBit;
      continue;
    }
    noteEdges(edges);
    // A writable socket matters only to one who waits to write; most edges carry that bit along.
    if (edges != writeBit || _phase == Phase::flush || _phase == Phase::handshake) return false;
    state = ownedBit;
  }
  return true;
}

void Connection::closeForGood() {
  releaseUpload();
  if (_waitsForUpload.exchange(false)) --core.uploadWaiters;
  _state.store(ownedBit | closedBit, std::memory_order_release);
  io.close();
}

Transport Connection::leave() {
  ::epoll_ctl(core.epoll, EPOLL_CTL_DEL, io.fd(), nullptr);
  return std::move(io);
}

void Connection::consume(std::size_t bytes) {
  _inAt += bytes;
  if (_inAt == _in.size()) {
    _in.clear();
    _inAt = 0;
  }
}

Connection::Fill Connection::fill() {
  if (_ended) return Fill::end;
  if (!_more) return Fill::again;
  const auto [status, bytes] = io.read(scratch(), scratchSize);
  switch (status) {
    case Transport::Status::done:
      if (_inAt > 0) _in.erase(0, _inAt);
      _inAt = 0;
      _in.append(scratch(), bytes);
      Counters::add(core.counters.bytesIn, bytes);
      if (_phase != Phase::head) _progressAt = nowMs();
      // A short read of a plain socket has emptied it; only a hang-up announced earlier is still behind it.
      if (!io.secure() && bytes < scratchSize && !_hangup) _more = false;
      return Fill::some;
    case Transport::Status::again:
      _more = false;
      return Fill::again;
    default:
      _more = false;
      _ended = true;
      return Fill::end;
  }
}

Connection::Step Connection::parkUntil(std::int64_t deadline) {
  _deadline.store(deadline, std::memory_order_relaxed);
  return Step::park;
}

Connection::Step Connection::ready() {
  _phase = Phase::exchange;
  readyAt = nowUs();
  return Step::ready;
}

void Connection::handshaken() {
  _phase = Phase::head;
  _phaseStart = nowMs();
  _more = true;
}

Connection::Step Connection::advance() {
  while (true) {
    switch (_phase) {
      case Phase::handshake:
        if (!_more) return Step::park;
        readyAt = nowUs();
        return Step::ready;
      case Phase::head: {
        const Step step = advanceHead();
        if (_phase == Phase::head) return step;
        break;
      }
      case Phase::body: {
        Refusal refusal;
        const bool complete = collectBody(refusal);
        if (refusal) {
          refuse(refusal);
          break;
        }
        if (complete) return ready();
        if (body.size() >= core.options.bufferedBodyBytes) {
          _phase = Phase::upload;
          break;
        }
        switch (fill()) {
          case Fill::some:
            break;
          case Fill::again:
            return parkUntil(std::min(core.paceDeadline(_phaseStart, _bodyBytes, _progressAt),
                                      _phaseStart + core.options.bodyLimitTotal.count()));
          case Fill::end:
            refuse({400, "body: the connection ended before the body did"});
            break;
        }
        break;
      }
      case Phase::upload:
        if (core.takeUploadSlot()) {
          _holdsUpload = true;
          if (_waitsForUpload.exchange(false)) --core.uploadWaiters;
          return ready();
        }
        if (!_waitsForUpload.exchange(true)) {
          ++core.uploadWaiters;
          _phaseStart = nowMs();
          // A slot that was given back before we were counted as waiting woke nobody.
          break;
        }
        return parkUntil(_phaseStart + core.options.queueLimit.count());
      case Phase::exchange:
        return Step::ready;
      case Phase::flush: {
        const Step step = advanceFlush();
        if (_phase == Phase::flush) return step;
        break;
      }
      case Phase::linger:
        return advanceLinger();
    }
  }
}

Connection::Step Connection::advanceHead() {
  const HeadLimits limits{core.options.maxHeadBytes, core.options.maxFields};
  while (true) {
    if (!pending().empty()) {
      Refusal refusal;
      switch (_scanner.scan(pending(), limits, refusal)) {
        case HeadScanner::Result::refused:
          refuse(refusal);
          return Step::park;
        case HeadScanner::Result::complete:
          takeHead();
          return Step::park;
        case HeadScanner::Result::incomplete:
          break;
      }
    }
    switch (fill()) {
      case Fill::some:
        if (_idle.exchange(false, std::memory_order_relaxed)) _phaseStart = nowMs();
        continue;
      case Fill::end:
        return Step::close;
      case Fill::again:
        break;
    }
    if (!pending().empty()) return parkUntil(_phaseStart + core.options.headLimit.count());
    if (core.stopping) return Step::close;
    if (!idle()) {
      idleSince = nowMs();
      trimmed = false;
      _idle.store(true, std::memory_order_relaxed);
    }
    return parkUntil(idleSince + (served > 0 ? core.options.idleLimit : core.options.headLimit).count());
  }
}

void Connection::takeHead() {
  const auto bytes = pending().substr(_scanner.begin(), _scanner.end() - _scanner.begin());
  head.bytes.assign(bytes);
  consume(_scanner.end());
  _scanner.reset();
  _idle.store(false, std::memory_order_relaxed);
  if (auto refusal = parseHead(head, {core.options.maxHeadBytes, core.options.maxFields})) {
    refuse(refusal);
    return;
  }
  startBody();
}

void Connection::refuse(const Refusal& refusal) {
  core.counters.countRefusal(refusal.status);
  const bool headOnly = head.method == "HEAD" && _phase != Phase::head;
  if (core.options.onAccess) {
    Access access;
    const std::string client = peer.host().toString();
    if (_phase != Phase::head) {
      access.method = head.method;
      access.target = head.target;
    }
    access.client = client;
    access.status = refusal.status;
    access.requestBytes = _bodyBytes;
    core.report(access);
  }
  answered(refusalAnswer(core.options, refusal.status, refusal.message, false, headOnly), After::linger);
}

Connection::Step Connection::expire() {
  switch (_phase) {
    case Phase::head:
      if (pending().empty()) return Step::close;
      refuse(
          {408, "head: it did not arrive within " + std::to_string(core.options.headLimit.count()) + " ms"});
      return advance();
    case Phase::body:
      refuse({408, "body: it came too slowly"});
      return advance();
    case Phase::upload:
      refuse({503, "too many uploads at a time; try again"});
      return advance();
    case Phase::handshake:
      Counters::add(core.counters.handshakeFailures);
      return Step::close;
    case Phase::flush:
      Counters::add(core.counters.timedOut);
      return Step::close;
    default:
      return Step::close;
  }
}

void Connection::answered(std::string rest, After after) {
  _out = std::move(rest);
  _outAt = 0;
  _after = after;
  _phase = Phase::flush;
  _phaseStart = _progressAt = nowMs();
  if (_waitsForUpload.exchange(false)) --core.uploadWaiters;
  releaseUpload();
}

Connection::Step Connection::advanceFlush() {
  if (_outAt < _out.size()) {
    const auto [status, bytes] = io.write(std::string_view(_out).substr(_outAt));
    _outAt += bytes;
    if (bytes > 0) _progressAt = nowMs();
    Counters::add(core.counters.bytesOut, bytes);
    if (status == Transport::Status::again)
      return parkUntil(core.paceDeadline(_phaseStart, _outAt, _progressAt));
    if (status != Transport::Status::done) return Step::close;
  }
  if (_out.capacity() > 1024) _out = {};
  _out.clear();
  _outAt = 0;
  switch (_after) {
    case After::next:
      nextRequest();
      return Step::park;
    case After::linger:
      io.shutdownWrite();
      _phase = Phase::linger;
      _phaseStart = nowMs();
      _lingered = 0;
      return Step::park;
    case After::close:
      break;
  }
  return Step::close;
}

Connection::Step Connection::advanceLinger() {
  _in = {};
  _inAt = 0;
  while (_lingered < lingerBytes && !_ended) {
    const auto [status, bytes] = io.read(scratch(), scratchSize);
    if (status == Transport::Status::again) {
      _more = false;
      return parkUntil(_phaseStart + lingerMs);
    }
    if (status != Transport::Status::done) break;
    _lingered += bytes;
  }
  return Step::close;
}

void Connection::nextRequest() {
  _phase = Phase::head;
  _bodyBytes = 0;
  ++served;
  _phaseStart = nowMs();
  body.clear();
  head.fields.clear();
}

void Connection::trim() {
  _in.shrink_to_fit();
  _out = {};
  body = {};
  head = {};
  trimmed = true;
}

void Connection::releaseUpload() {
  if (std::exchange(_holdsUpload, false)) core.giveUploadSlot();
}

const Poco::Net::SocketAddress& Connection::local() {
  if (!std::exchange(_announcedLocal, true)) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(io.fd(), reinterpret_cast<sockaddr*>(&address), &length) == 0)
      _local = Poco::Net::SocketAddress(reinterpret_cast<const sockaddr*>(&address), length);
  }
  return _local;
}

}  // namespace dispatch::http
