#include "plugin/service/http_exchange.hpp"

#include "plugin/service/service_support.hpp"

#include <Poco/DateTimeFormat.h>
#include <Poco/DateTimeParser.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace dispatch::plugin {

namespace {

constexpr std::size_t maxHeadBytes = 64u << 10;
constexpr std::size_t maxHeaders = 200;
constexpr int maxInterim = 16;  // 1xx answers before the real one
constexpr std::size_t pieceBytes = 16u << 10;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

const std::string* HttpAnswer::header(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& one) { return one.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

void HttpExchange::garbled(const std::string& what) const {
  throw ServiceRefusal(DISPATCH_ERR_UNCERTAIN,
                       _connection.destination().text() + " answered something that is no HTTP/1.1: " + what);
}

void HttpExchange::send(const WipedText& head, const WipedText& body) {
  if (body.size() <= pieceBytes) {
    WipedText both(head.view());
    both.append(body.view());
    _connection.write(_call, both.view());
  } else {
    _connection.write(_call, head.view());
    _connection.write(_call, body.view());
  }
  _sent = true;
}

void HttpExchange::sendHead(const WipedText& head) { _connection.write(_call, head.view()); }

void HttpExchange::sendPiece(std::string_view bytes, bool chunked) {
  if (!chunked) {
    _connection.write(_call, bytes);
    return;
  }
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  std::string framed(size.data());
  framed += bytes;
  framed += "\r\n";
  _connection.write(_call, framed);
}

bool HttpExchange::fill() {
  if (_at > 0) {
    _buffer.erase(0, _at);
    _at = 0;
  }
  std::array<char, pieceBytes> piece;  // filled before it is read
  const auto count = _connection.read(_call, piece.data(), piece.size());
  _buffer.append(piece.data(), count);
  return count > 0;
}

std::string HttpExchange::line() {
  for (;;) {
    const auto end = _buffer.find('\n', _at);
    if (end != std::string::npos) {
      std::string text = _buffer.substr(_at, end - _at);
      _headBytes += text.size() + 1;
      if (_headBytes > maxHeadBytes)
        garbled("a head of more than " + std::to_string(maxHeadBytes) + " bytes");
      _at = end + 1;
      if (!text.empty() && text.back() == '\r') text.pop_back();
      return text;
    }
    if (_buffer.size() - _at > maxHeadBytes)
      garbled("a line of more than " + std::to_string(maxHeadBytes) + " bytes");
    if (!fill())
      throw ConnectionFailure(
          ConnectionFailure::Why::broken,
          _connection.destination().text() + " closed the connection without a whole answer");
  }
}

void HttpExchange::readHead(HttpAnswer& answer) {
  const auto status = line();
  // "HTTP/1.1 200 OK"; the reason may be missing, with or without its space.
  if (status.size() < 12 || !status.starts_with("HTTP/1.") || status[8] != ' ' ||
      (status.size() > 12 && status[12] != ' '))
    garbled("\"" + oneLine(status, 60) + "\" is no status line");
  const auto [end, error] = std::from_chars(status.data() + 9, status.data() + 12, answer.status);
  if (error != std::errc{} || end != status.data() + 12 || answer.status < 100 || answer.status > 599)
    garbled("\"" + oneLine(status, 60) + "\" has no valid status");
  answer.headers.clear();
  for (auto text = line(); !text.empty(); text = line()) {
    if (answer.headers.size() >= maxHeaders) garbled("more than " + std::to_string(maxHeaders) + " headers");
    const auto colon = text.find(':');
    if (text.front() == ' ' || text.front() == '\t' || colon == std::string::npos ||
        !isToken(std::string_view(text).substr(0, colon)))
      garbled("\"" + oneLine(text, 60) + "\" is no header");
    answer.headers.emplace_back(lowerCase(std::string_view(text).substr(0, colon)),
                                std::string(trimmed(std::string_view(text).substr(colon + 1))));
  }
}

void HttpExchange::count(std::uint64_t bytes) {
  if (bytes > _maxBody - _bodyBytes)
    throw ServiceRefusal(DISPATCH_ERR_LIMIT, _connection.destination().text() +
                                                 " answered with more than the " + std::to_string(_maxBody) +
                                                 " bytes that this request takes");
  _bodyBytes += bytes;
}

void HttpExchange::pass(std::uint64_t bytes, const Sink& sink) {
  while (bytes > 0 && !_stopped) {
    if (_at == _buffer.size() && !fill())
      throw ConnectionFailure(
          ConnectionFailure::Why::broken,
          _connection.destination().text() + " closed the connection in the middle of its answer");
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, _buffer.size() - _at));
    count(here);
    _stopped = !sink(std::string_view(_buffer).substr(_at, here));
    _at += here;
    bytes -= here;
  }
}

void HttpExchange::passUntilClose(const Sink& sink) {
  do {
    const auto here = _buffer.size() - _at;
    if (here == 0) continue;
    count(here);
    _stopped = !sink(std::string_view(_buffer).substr(_at, here));
    _at += here;
  } while (!_stopped && fill());
}

void HttpExchange::passChunks(const Sink& sink) {
  for (;;) {
    const auto head = line();
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(head.data(), head.data() + head.size(), size, 16);
    if (error != std::errc{} ||
        (end != head.data() + head.size() && *end != ';' && *end != ' ' && *end != '\t'))
      garbled("\"" + oneLine(head, 40) + "\" is no chunk size");
    _headBytes = 0;  // the limit is for one head, not for all chunk heads together
    if (size == 0) break;
    pass(size, sink);
    if (_stopped) return;
    if (!line().empty()) garbled("a chunk is longer than its size");
  }
  while (!line().empty()) continue;  // trailers are read and dropped
}

HttpAnswer HttpExchange::receive(bool bodyless, std::uint64_t maxBody, const Sink& sink) {
  _maxBody = maxBody;
  HttpAnswer answer;
  int interim = 0;
  do {
    if (interim++ > maxInterim) garbled("more than " + std::to_string(maxInterim) + " interim answers");
    _headBytes = 0;
    readHead(answer);
    if (answer.status == 101) garbled("it switched protocols without being asked");
  } while (answer.status < 200);

  _headBytes = 0;
  std::optional<std::uint64_t> length;
  bool chunked = false;
  for (const auto& [name, value] : answer.headers) {
    if (name == "transfer-encoding") {
      if (chunked || lowerCase(value) != "chunked") garbled("transfer-encoding " + oneLine(value, 40));
      chunked = true;
    }
    if (name == "content-length") {
      std::uint64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc{} || end != value.data() + value.size() || (length && *length != number))
        garbled("content-length " + oneLine(value, 40));
      length = number;
    }
  }
  if (chunked && length) garbled("both a content-length and chunks");
  if (bodyless || answer.status == 204 || answer.status == 304) return answer;
  if (chunked)
    passChunks(sink);
  else if (length)
    pass(*length, sink);
  else
    passUntilClose(sink);
  return answer;
}

std::uint32_t retryAfterMs(std::string_view value, std::int64_t unixNow) {
  constexpr std::int64_t most = 86'400;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc{} && end == value.data() + value.size()) {
    if (seconds <= 0) return 0;
  } else {
    Poco::DateTime date;
    int zone = 0;
    if (value.size() > 64 ||
        !Poco::DateTimeParser::tryParse(Poco::DateTimeFormat::HTTP_FORMAT, std::string(value), date, zone))
      return 0;
    seconds = date.timestamp().epochTime() - zone - unixNow;
    if (seconds <= 0) return 0;
  }
  return static_cast<std::uint32_t>(std::min(seconds, most) * 1000);
}

}  // namespace dispatch::plugin
