#pragma once

#include "plugin/service/connection.hpp"
#include "plugin/service/secret_box.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dispatch::plugin {

/// An answer, before anything of it is shown to the plugin. Header names are in lower case.
struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  /// The first header of this (lower-case) name.
  const std::string* header(std::string_view name) const;
};

/// Sends one request and reads one answer over a connection that is used for nothing else (RFC 9112). The
/// head and the body may hold secrets, so they are text that is wiped, and never pass through a library's
/// buffers.
class HttpExchange {
 public:
  HttpExchange(HostCall& call, Connection& connection) : _call(call), _connection(connection) {}

  /// Throws ServiceRefusal or ConnectionFailure. Until sent() nothing can have had an effect: a peer does not
  /// act on half a request.
  void send(const WipedText& head, const WipedText& body);
  void sendHead(const WipedText& head);
  /// A body in pieces; `chunked` frames each. An empty piece ends a chunked body.
  void sendPiece(std::string_view bytes, bool chunked);
  void sendDone() { _sent = true; }
  bool sent() const { return _sent; }

  /// Takes the body's pieces; returns false to stop reading.
  using Sink = std::function<bool(std::string_view piece)>;
  /// Reads the answer's head, and its body into `sink` (which may be called not at all). Throws
  /// ConnectionFailure for a connection that ends too early, ServiceRefusal(UNCERTAIN) for what is no HTTP,
  /// ServiceRefusal(LIMIT) past `maxBody`.
  HttpAnswer receive(bool bodyless, std::uint64_t maxBody, const Sink& sink);

 private:
  std::string line();
  bool fill();
  void readHead(HttpAnswer& answer);
  void pass(std::uint64_t bytes, const Sink& sink);
  void passUntilClose(const Sink& sink);
  void passChunks(const Sink& sink);
  void count(std::uint64_t bytes);
  [[noreturn]] void garbled(const std::string& what) const;

  HostCall& _call;
  Connection& _connection;
  bool _sent = false;
  std::string _buffer;
  std::size_t _at = 0;
  std::size_t _headBytes = 0;
  std::uint64_t _bodyBytes = 0, _maxBody = 0;
  bool _stopped = false;
};

/// Milliseconds from a Retry-After header (RFC 9110 section 10.2.3: seconds, or an HTTP date); 0 if there is
/// none or it is garbled; at most a day.
std::uint32_t retryAfterMs(std::string_view value, std::int64_t unixNow);

}  // namespace dispatch::plugin
