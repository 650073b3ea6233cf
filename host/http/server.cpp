#include "http/server.hpp"

#include "base/base.hpp"
#include "http/connection.hpp"
#include "http/core.hpp"
#include "http/exchange.hpp"
#include "http/poller.hpp"
#include "http/streams.hpp"
#include "http/thread.hpp"
#include "http/tls.hpp"

#include <Poco/Exception.h>

#include <algorithm>
#include <optional>
#include <thread>

namespace dispatch::http {
namespace {

/// A worker's turn with one connection: until it is parked, passed on or buried.
void serve(Core& core, Connection* connection) {
  while (true) {
    if (runExchange(*connection) == Outcome::bury) return core.bury(connection);
    while (true) {
      const Connection::Step step = connection->advance();
      if (step == Connection::Step::close) return core.bury(connection);
      if (step == Connection::Step::ready) break;
      if (connection->release()) return;
    }
    // Its next request is here already (pipelined): who waited longer goes first.
    if (core.queue.size() == 0) continue;
    if (core.queue.push(connection)) return;
    if (core.stopping) return core.bury(connection);
  }
}

}  // namespace

class Server::Impl {
 public:
  Impl(Options options, Poco::Net::HTTPRequestHandlerFactory::Ptr factory)
      : core(std::move(options), std::move(factory)), streams(core) {
    if (core.epoll < 0 || core.wakeFd < 0)
      throw Poco::SystemException("epoll or eventfd could not be created");
    if (core.options.tls) tls = makeTlsContext(*core.options.tls);
    poller.emplace(core, tls ? tls->sslContext() : nullptr);
  }
  ~Impl() { stop(); }

  void start() {
    poller->bind();
    started = true;
    streams.start();
    for (std::size_t i = 0; i < std::max<std::size_t>(core.options.workers, 1); ++i)
      workers.push_back(startThread("http-work-" + std::to_string(i), [this] {
        while (Connection* connection = core.queue.pop()) serve(core, connection);
      }));
    poller->start();
  }

  void stop() {
    if (!std::exchange(started, false)) return;
    core.stopping = true;
    streams.stop();
    poller->drain();
    for (Connection* connection : core.queue.stop()) core.bury(connection);
    for (std::thread& worker : workers) worker.join();
    workers.clear();
    poller->finish();
  }

  Core core;
  Poco::Net::Context::Ptr tls;
  Streams streams;
  std::optional<Poller> poller;
  std::vector<std::thread> workers;
  bool started = false;
};

Server::Server(Options options, Poco::Net::HTTPRequestHandlerFactory::Ptr factory)
    : _impl(std::make_unique<Impl>(std::move(options), std::move(factory))) {}

Server::~Server() = default;

void Server::start() { _impl->start(); }

void Server::stop() { _impl->stop(); }

const std::vector<Poco::Net::SocketAddress>& Server::addresses() const { return _impl->poller->addresses(); }

EventStreams& Server::streams() { return _impl->streams; }

Metrics Server::metrics() const {
  const Counters& from = _impl->core.counters;
  const auto get = [](const Counters::Count& count) { return count.load(std::memory_order_relaxed); };
  Metrics to;
  to.connections = get(from.connections);
  to.busy = get(from.busy);
  to.queued = _impl->core.queue.size();
  to.streams = _impl->streams.size();
  to.accepted = get(from.accepted);
  to.requests = get(from.requests);
  for (std::size_t i = 0; i < to.byClass.size(); ++i) to.byClass[i] = get(from.byClass[i]);
  to.bytesIn = get(from.bytesIn);
  to.bytesOut = get(from.bytesOut);
  to.malformed = get(from.malformed);
  to.headTooLarge = get(from.headTooLarge);
  to.bodyTooLarge = get(from.bodyTooLarge);
  to.timedOut = get(from.timedOut);
  to.overloaded = get(from.overloaded);
  to.evicted = get(from.evicted);
  to.handlerFailures = get(from.handlerFailures);
  to.handshakeFailures = get(from.handshakeFailures);
  to.streamFrames = _impl->streams.framesQueued();
  to.streamsDropped = _impl->streams.dropped();
  for (std::size_t i = 0; i < to.waits.size(); ++i) to.waits[i] = get(from.waits[i]);
  return to;
}

}  // namespace dispatch::http
