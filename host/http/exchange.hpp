#pragma once

namespace dispatch::http {

class Connection;

enum class Outcome {
  advance,  ///< call advance()
  bury      ///< the connection has broken, or left the server for an event stream
};

/// Runs on a worker, which owns `connection`: one request through its handler, or one step of a TLS
/// handshake.
Outcome runExchange(Connection& connection);

}  // namespace dispatch::http
