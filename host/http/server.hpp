#pragma once

#include "http/event_streams.hpp"
#include "http/metrics.hpp"
#include "http/options.hpp"

#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/SocketAddress.h>

#include <memory>
#include <string_view>
#include <vector>

namespace Poco::Net {
class HTTPServerResponse;
}

namespace dispatch::http {

/// The body of every refusal: {"detail":[{"msg": message}]}.
std::string refusalBody(std::string_view message);

/// An HTTP/1.1 server. What differs from Poco::Net::HTTPServer for a handler:
///  - What send() and sendBuffer() write may be kept until the handler returns. An answer without
///    Content-Length gets one, or is chunked once it outgrows Options::maxResponseBuffer or is flushed. An
///    exception before anything was on the wire becomes a 500, even after send().
///  - An exception out of a handler is answered 500 with refusalBody() and a reference that is in the
///    log too. A Problem that reaches the server is answered by its kind.
///  - A factory that returns null gives 404.
///  - request and response are not Poco's Impl classes: Poco::Net::WebSocket does not work with them.
///  - request.getContentLength() is what the sender said; stream() ends at the true end of the body, and
///    turns bad (or throws, when its exceptions are on) when that does not come; the exchange is then
///    answered 408, 413 or 400, whatever the handler does.
class Server {
 public:
  /// Throws Problem(invalid) for TLS files that cannot be used and addresses that are none.
  Server(Options options, Poco::Net::HTTPRequestHandlerFactory::Ptr factory);
  ~Server();  ///< stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds, listens and starts the threads. Throws Problem(conflict) for an address in use, saying which, and
  /// Problem(invalid) for one that cannot be bound. Not twice.
  void start();

  /// Stops accepting, ends streams and idle connections, lets requests in flight finish within
  /// Options::drainLimit, then cuts them. Returns when no thread of the server runs any more: a handler that
  /// never returns holds it up.
  void stop();

  /// Where it listens, in the order of Options::addresses, with the true ports. Valid after start().
  const std::vector<Poco::Net::SocketAddress>& addresses() const;

  EventStreams& streams();  ///< usable from construction on; lives as long as the server
  Metrics metrics() const;  ///< [any-thread]

 private:
  class Impl;
  std::unique_ptr<Impl> _impl;
};

}  // namespace dispatch::http
