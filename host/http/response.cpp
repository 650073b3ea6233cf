#include "http/response.hpp"

#include "http/head.hpp"

#include <Poco/Exception.h>
#include <Poco/File.h>
#include <Poco/FileStream.h>
#include <Poco/Logger.h>
#include <Poco/Net/HTTPRequest.h>

#include <array>
#include <charconv>

namespace dispatch::http {
namespace {

/// A line break in a field would let its value write further fields, or a second answer.
void appendField(std::string& head, const std::string& name, const std::string& value) {
  head += name;
  head += ": ";
  const auto at = head.size();
  head += value;
  for (auto i = at; i < head.size(); ++i)
    if (const auto c = static_cast<unsigned char>(head[i]); (c < 0x20 && c != '\t') || c == 0x7f)
      head[i] = ' ';
  head += "\r\n";
}

void appendNumber(std::string& text, std::uint64_t number, int base = 10) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number, base);
  static_cast<void>(error);
  text.append(digits, end);
}

bool framingField(std::string_view name) {
  switch (name.size()) {
    case 10:
      return equalsIgnoreCase(name, "connection") || equalsIgnoreCase(name, "keep-alive");
    case 14:
      return equalsIgnoreCase(name, "content-length");
    case 17:
      return equalsIgnoreCase(name, "transfer-encoding");
    default:
      return false;
  }
}

}  // namespace

ServerResponse::ServerResponse(Connection& connection) : _connection(connection) {
  setVersion(connection.head.http11 ? HTTP_1_1 : HTTP_1_0);
}

std::ostream& ServerResponse::send() {
  if (_sent && !_stream) throw Poco::IllegalStateException("the response has been sent");
  if (!_stream) {
    _sent = true;
    _sink.emplace(*this);
    _stream.emplace(&*_sink);
  }
  return *_stream;
}

void ServerResponse::sendBuffer(const void* buffer, std::size_t length) {
  if (_sent) throw Poco::IllegalStateException("the response has been sent");
  _sent = true;
  setContentLength64(static_cast<Poco::Int64>(length));
  put(static_cast<const char*>(buffer), length);
}

void ServerResponse::sendFile(const std::string& path, const std::string& mediaType) {
  if (_sent) throw Poco::IllegalStateException("the response has been sent");
  Poco::File file(path);
  const auto size = file.getSize();
  if (!has("Last-Modified")) {
    const std::time_t modified = file.getLastModified().epochTime();
    std::tm utc{};
    gmtime_r(&modified, &utc);
    char text[64];
    set("Last-Modified",
        std::string(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc)));
  }
  Poco::FileInputStream input(path);
  setContentType(mediaType);
  setContentLength64(static_cast<Poco::Int64>(size));
  _sent = true;
  if (!hasBody()) return;
  std::array<char, 32 * 1024> piece{};
  for (std::uint64_t left = size; left > 0;) {
    input.read(piece.data(), static_cast<std::streamsize>(std::min<std::uint64_t>(left, piece.size())));
    const auto got = static_cast<std::size_t>(input.gcount());
    if (got == 0 || !put(piece.data(), got)) break;
    left -= got;
  }
}

void ServerResponse::redirect(const std::string& uri, HTTPStatus status) {
  setStatusAndReason(status);
  set("Location", uri);
  sendBuffer("", 0);
}

void ServerResponse::requireAuthentication(const std::string& realm) {
  std::string quoted;
  for (const char c : realm) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  setStatusAndReason(HTTP_UNAUTHORIZED);
  set("WWW-Authenticate", "Basic realm=\"" + quoted + "\"");
}

bool ServerResponse::hasBody() const {
  const int status = getStatus();
  return _connection.head.method != "HEAD" && status >= 200 && status != 204 && status != 304;
}

std::optional<std::uint64_t> ServerResponse::declaredLength() const {
  const auto& text = get(CONTENT_LENGTH, EMPTY);
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return length;
}

void ServerResponse::keepAliveOrNot(Framing framing) {
  const auto& options = _connection.core.options;
  const std::string& wish = get(CONNECTION, EMPTY);
  _keep =
      _connection.head.keepAlive && framing != Framing::untilClose && !equalsIgnoreCase(wish, "close") &&
      !_connection.core.stopping && _connection.bodyComplete() && !_connection.bodyFailure().refusal &&
      (options.maxRequestsPerConnection == 0 || _connection.served + 1 < options.maxRequestsPerConnection);
}

void ServerResponse::writeHead(Framing framing, std::uint64_t length) {
  keepAliveOrNot(framing);
  _framing = framing;
  _head.reserve(256);
  _head += "HTTP/1.1 ";
  appendNumber(_head, static_cast<std::uint64_t>(getStatus()));
  _head += ' ';
  for (const char c : getReason()) _head += c >= 0x20 && c < 0x7f ? c : ' ';
  _head += "\r\n";
  bool dated = false;
  for (const auto& [name, value] : *this) {
    if (framingField(name)) continue;
    dated |= name.size() == 4 && equalsIgnoreCase(name, "date");
    appendField(_head, name, value);
  }
  if (!dated) _head += dateField();
  switch (framing) {
    case Framing::none:  // no body follows, but a HEAD's answer says how long it would be
      if (_connection.head.method == "HEAD" && getStatus() >= 200 && getStatus() != 204 &&
          getStatus() != 304) {
        _head += "Content-Length: ";
        appendNumber(_head, length);
        _head += "\r\n";
      }
      break;
    case Framing::length:
      _head += "Content-Length: ";
      appendNumber(_head, length);
      _head += "\r\n";
      break;
    case Framing::chunked:
      _head += "Transfer-Encoding: chunked\r\n";
      break;
    case Framing::untilClose:
      break;
  }
  if (!_keep) {
    _head += "Connection: close\r\n";
  } else if (!_connection.head.http11) {
    _head += "Connection: keep-alive\r\n";
  }
  _head += "\r\n";
}

bool ServerResponse::put(const char* data, std::size_t size) {
  if (_broken) return false;
  _bodyBytes += size;
  if (!hasBody()) return true;
  _kept.append(data, size);
  return _kept.size() <= _connection.core.options.maxResponseBuffer || stream();
}

bool ServerResponse::stream() {
  if (_broken) return false;
  if (!_onWire) {
    const auto declared = declaredLength();
    _declared = declared.value_or(0);
    writeHead(!hasBody()                ? Framing::none
              : declared                ? Framing::length
              : _connection.head.http11 ? Framing::chunked
                                        : Framing::untilClose,
              declared.value_or(_bodyBytes));
    _onWire = true;
    _streamStart = nowMs();
  }
  std::string out = std::exchange(_head, {});
  if (_framing == Framing::chunked && !_kept.empty()) {
    appendNumber(out, _kept.size(), 16);
    out += "\r\n";
    _kept += "\r\n";
  }
  const bool good = writeBlocking(out, _kept);
  _kept.clear();
  return good;
}

bool ServerResponse::writeBlocking(std::string_view first, std::string_view second) {
  std::int64_t last = nowMs();
  while (!first.empty() || !second.empty()) {
    const auto [status, bytes] = _connection.io.write(first, second);
    Counters::add(_connection.core.counters.bytesOut, bytes);
    _bytesOut += bytes;
    if (bytes > 0) last = nowMs();
    const std::size_t ofFirst = std::min(bytes, first.size());
    first.remove_prefix(ofFirst);
    second.remove_prefix(bytes - ofFirst);
    if (status == Transport::Status::done) continue;
    const std::int64_t limit = _connection.core.paceDeadline(_streamStart, _bytesOut, last);
    if (status == Transport::Status::failed || !_connection.core.waitFor(_connection.io, true, limit)) {
      if (status != Transport::Status::failed) Counters::add(_connection.core.counters.timedOut);
      _broken = true;
      return false;
    }
  }
  return true;
}

std::string ServerResponse::finish(Connection::After& after) {
  const bool body = hasBody();
  std::string tail;
  if (_onWire) {
    tail = std::move(_kept);
    if (_framing == Framing::chunked) {
      if (!tail.empty()) {
        std::string size;
        appendNumber(size, tail.size(), 16);
        tail = size + "\r\n" + tail + "\r\n";
      }
      tail += "0\r\n\r\n";
    }
  } else {
    const auto declared = declaredLength();
    _declared = declared.value_or(_bodyBytes);
    writeHead(body ? Framing::length : Framing::none, _declared);
    tail = std::move(_kept);
  }
  if (body && _framing == Framing::length && _bodyBytes != _declared) {
    Poco::Logger::get("dispatch.http")
        .error("a handler declared a Content-Length of %s bytes and wrote %s", std::to_string(_declared),
               std::to_string(_bodyBytes));
    _keep = false;
    if (_bodyBytes > _declared)
      tail.resize(tail.size() - std::min<std::uint64_t>(tail.size(), _bodyBytes - _declared));
  }
  std::string rest;
  if (!_broken) {
    _onWire = true;
    const auto [status, bytes] = _connection.io.write(_head, tail);
    Counters::add(_connection.core.counters.bytesOut, bytes);
    if (status == Transport::Status::failed) {
      _broken = true;
    } else if (status == Transport::Status::again) {
      rest = bytes < _head.size() ? _head.substr(bytes) + tail : tail.substr(bytes - _head.size());
    }
  }
  if (_broken) {
    after = Connection::After::close;
  } else if (_keep) {
    after = Connection::After::next;
  } else {
    const bool unread = !_connection.bodyComplete() || _connection.inputLeft();
    after = unread ? Connection::After::linger : Connection::After::close;
  }
  return rest;
}

void ServerResponse::detach(Taker taker, std::string first) {
  if (_sent) throw Poco::IllegalStateException("the response has been sent");
  _sent = true;
  _taker = std::move(taker);
  _first = std::move(first);
}

std::string ServerResponse::detachedHead() {
  set(CONNECTION, CONNECTION_CLOSE);
  writeHead(Framing::untilClose, 0);
  return _head + _first;
}

ServerResponse::Sink::int_type ServerResponse::Sink::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char one = traits_type::to_char_type(c);
  return _response.put(&one, 1) ? c : traits_type::eof();
}

std::streamsize ServerResponse::Sink::xsputn(const char* data, std::streamsize size) {
  return _response.put(data, static_cast<std::size_t>(size)) ? size : 0;
}

int ServerResponse::Sink::sync() { return _response.stream() ? 0 : -1; }

}  // namespace dispatch::http
