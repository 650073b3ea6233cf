// The HTTP server: Poco's handler classes without a thread per connection.
//
//   http::Server server(options, factory);   // factory: a Poco::Net::HTTPRequestHandlerFactory
//   server.start();
//   ...
//   server.stop();
//
// Handlers are ordinary Poco handlers. One thread polls all connections: it reads the head and small bodies
// of a request without blocking, so that idle and slow clients hold no thread. Only a complete request goes
// to the pool of workers. Event streams leave the pool for one broadcaster thread (Server::streams).
#pragma once

#include "http/client_address.hpp"
#include "http/event_streams.hpp"
#include "http/metrics.hpp"
#include "http/options.hpp"
#include "http/server.hpp"
