#include "http/poller.hpp"

#include "base/base.hpp"
#include "http/thread.hpp"

#include <Poco/Exception.h>
#include <Poco/Logger.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace dispatch::http {
namespace {

constexpr int eventsPerTurn = 256;
constexpr int acceptsPerTurn = 64;
constexpr std::size_t jobsPerPush = 32;
constexpr std::size_t evictionBatch = 64;
constexpr std::uint64_t refusalRoom = 256;  ///< connections beyond the limit that may hear a 503
constexpr std::int64_t trimAfterMs = 2'000;
constexpr std::int64_t restMs = 100;
constexpr std::int64_t complainMs = 10'000;
constexpr std::uintptr_t listenerTag = 1;

Poco::Logger& logger() {
  static Poco::Logger& instance = Poco::Logger::get("dispatch.http");
  return instance;
}

std::string reason() { return std::strerror(errno); }

}  // namespace

Poller::~Poller() {
  finish();
  closeListeners();
}

Poller::Poller(Core& core, ssl_ctx_st* tls) : _core(core), _tls(tls) {
  for (const std::string& text : core.options.addresses) {
    try {
      _addresses.emplace_back(text);
    } catch (const Poco::Exception& error) {
      throw Problem(Problem::Kind::invalid, "listen address \"" + text +
                                                "\": expected host:port, e.g. 127.0.0.1:8000 (" +
                                                error.displayText() + ")");
    }
  }
}

void Poller::bind() {
  for (Poco::Net::SocketAddress& address : _addresses) {
    const std::string text = address.toString();
    const int fd = ::socket(address.af(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw Problem(Problem::Kind::invalid, "listen address " + text + ": " + reason());
    _listeners.push_back({fd});
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address.af() == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (::bind(fd, address.addr(), address.length()) != 0 || ::listen(fd, SOMAXCONN) != 0) {
      const bool taken = errno == EADDRINUSE;
      throw Problem(
          taken ? Problem::Kind::conflict : Problem::Kind::invalid,
          "listen address " + text + ": " + reason() +
              (taken ? "; stop the program that listens there (see `ss -ltnp`) or choose another port" : ""));
    }
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length);
    address = Poco::Net::SocketAddress(reinterpret_cast<const sockaddr*>(&bound), length);
  }
}

void Poller::start() {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  ::epoll_ctl(_core.epoll, EPOLL_CTL_ADD, _core.wakeFd, &event);
  for (Listener& listener : _listeners) {
    event.data.u64 = reinterpret_cast<std::uintptr_t>(&listener) | listenerTag;
    ::epoll_ctl(_core.epoll, EPOLL_CTL_ADD, listener.fd, &event);
  }
  const Options& o = _core.options;
  const auto shortest =
      std::min({o.handshakeLimit, o.headLimit, o.idleLimit, o.bodyLimitTotal, o.paceGrace, o.queueLimit});
  _interval = std::clamp<std::int64_t>(shortest.count() / 8, 10, 500);
  _thread = startThread("http-poll", [this] { run(); });
}

void Poller::drain() {
  _core.wakePoller();
  std::unique_lock lock(_mutex);
  _changed.wait(lock, [this] { return _drained || !_thread.joinable(); });
}

void Poller::finish() {
  if (!_thread.joinable()) return;
  _finish = true;
  _core.wakePoller();
  _thread.join();
  for (Connection* connection : _connections) delete connection;
  _connections.clear();
}

void Poller::run() {
  while (!_finish) {
    const std::int64_t now = nowMs();
    if (_core.stopping && _cutAt == 0) {
      closeListeners();
      _cutAt = now + _core.options.drainLimit.count();
    }
    turn(timeout(now));
    if (_cutAt == 0) continue;
    const bool late = nowMs() >= _cutAt;
    if (!late && !_connections.empty()) continue;
    if (late) cutAll();
    std::lock_guard lock(_mutex);
    _drained = true;
    _changed.notify_all();
  }
}

int Poller::timeout(std::int64_t now) const {
  if (_hurry) return 1;
  if (_cutAt != 0) return 10;
  if (_resumeAt != 0) return static_cast<int>(std::clamp<std::int64_t>(_resumeAt - now, 0, restMs));
  if (_connections.empty()) return -1;
  return static_cast<int>(std::clamp<std::int64_t>(_nextSweep - now, 0, _interval));
}

void Poller::turn(int timeoutMs) {
  std::array<epoll_event, eventsPerTurn> events;
  const int count = ::epoll_wait(_core.epoll, events.data(), eventsPerTurn, timeoutMs);
  for (int i = 0; i < count; ++i) onEvent(events[static_cast<std::size_t>(i)]);
  if (std::exchange(_woken, false)) wakeUploads();
  if (const std::int64_t now = nowMs(); now >= _nextSweep || _cutAt != 0) {
    sweep(now);
    _nextSweep = now + _interval;
  }
  if (_resumeAt != 0 && nowMs() >= _resumeAt) resumeAccepting();
  pushJobs();
  _hurry = _core.queue.nudge();
  deleteBuried();
  _oldestIdle.clear();
  _searchedIdle = false;
}

void Poller::onEvent(const epoll_event& event) {
  if (event.data.ptr == nullptr) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(_core.wakeFd, &count, sizeof count);
    _woken = true;
  } else if (event.data.u64 & listenerTag) {
    acceptFrom(*reinterpret_cast<Listener*>(event.data.u64 & ~std::uint64_t{listenerTag}));
  } else {
    auto* connection = static_cast<Connection*>(event.data.ptr);
    if (connection->claim(event.events)) work(connection);
  }
}

void Poller::work(Connection* connection) {
  place(connection, connection->advance());
  if (_jobs.size() >= jobsPerPush) pushJobs();
}

void Poller::place(Connection* connection, Connection::Step step) {
  while (step == Connection::Step::park) {
    if (connection->release()) return;
    step = connection->advance();
  }
  if (step == Connection::Step::ready) {
    _jobs.push_back(connection);
  } else {
    _core.bury(connection);
  }
}

void Poller::pushJobs() {
  // A refused one never becomes a job again, so this ends.
  while (!_jobs.empty()) {
    const std::size_t taken = _core.queue.push(_jobs);
    const std::vector<Connection*> refused(_jobs.begin() + static_cast<std::ptrdiff_t>(taken), _jobs.end());
    _jobs.clear();
    for (Connection* connection : refused) {
      if (connection->phase() == Connection::Phase::handshake) {
        Counters::add(_core.counters.overloaded);
        _core.bury(connection);
        continue;
      }
      connection->refuse({503, "the server is overloaded; try again"});
      work(connection);
    }
  }
}

void Poller::acceptFrom(Listener& listener) {
  for (int i = 0; i < acceptsPerTurn && listener.fd >= 0; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const int fd =
        ::accept4(listener.fd, reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      admit(fd, Poco::Net::SocketAddress(reinterpret_cast<const sockaddr*>(&address), length));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    // Out of descriptors or memory: the listener stays readable, so without a rest this would spin.
    const std::int64_t now = nowMs();
    if (now >= _complainAt) {
      logger().warning("accepting connections fails: %s; trying again (raise LimitNOFILE if this persists)",
                       reason());
      _complainAt = now + complainMs;
    }
    evictIdle();
    pauseAccepting(now);
    return;
  }
}

void Poller::admit(int fd, const Poco::Net::SocketAddress& peer) {
  Counters::add(_core.counters.accepted);
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const std::uint64_t open = _core.counters.connections.load(std::memory_order_relaxed);
  const bool full = open >= _core.options.maxConnections && !evictIdle();
  if (full && (_tls || open >= _core.options.maxConnections + refusalRoom)) {
    Counters::add(_core.counters.overloaded);
    ::close(fd);
    return;
  }
  auto* connection = new Connection(_core, fd, _tls, peer);
  Counters::add(_core.counters.connections);
  _connections.insert(connection);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = connection;
  if (!connection->io.open() || ::epoll_ctl(_core.epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    _core.bury(connection);
    return;
  }
  if (full) connection->refuse({503, "the server has too many connections; try again"});
  work(connection);
}

bool Poller::evictIdle() {
  if (!std::exchange(_searchedIdle, true)) {
    for (Connection* connection : _connections)
      if (connection->idle()) _oldestIdle.push_back(connection);
    const auto newer = [](const Connection* a, const Connection* b) { return a->idleSince > b->idleSince; };
    if (_oldestIdle.size() > evictionBatch) {
      const auto keep = _oldestIdle.end() - static_cast<std::ptrdiff_t>(evictionBatch);
      std::nth_element(_oldestIdle.begin(), keep, _oldestIdle.end(), newer);
      _oldestIdle.erase(_oldestIdle.begin(), keep);
    }
    std::sort(_oldestIdle.begin(), _oldestIdle.end(), newer);
  }
  while (!_oldestIdle.empty()) {
    Connection* connection = _oldestIdle.back();
    _oldestIdle.pop_back();
    if (!connection->idle() || !connection->claim(0)) continue;
    if (!connection->idle()) {
      work(connection);
      continue;
    }
    Counters::add(_core.counters.evicted);
    _core.bury(connection);
    return true;
  }
  return false;
}

void Poller::pauseAccepting(std::int64_t now) {
  epoll_event event{};
  for (Listener& listener : _listeners) ::epoll_ctl(_core.epoll, EPOLL_CTL_DEL, listener.fd, &event);
  _resumeAt = now + restMs;
}

void Poller::resumeAccepting() {
  _resumeAt = 0;
  if (_cutAt != 0) return;
  epoll_event event{};
  event.events = EPOLLIN;
  for (Listener& listener : _listeners) {
    event.data.u64 = reinterpret_cast<std::uintptr_t>(&listener) | listenerTag;
    ::epoll_ctl(_core.epoll, EPOLL_CTL_ADD, listener.fd, &event);
  }
}

void Poller::wakeUploads() {
  if (_core.uploadWaiters.load() == 0) return;
  for (Connection* connection : _connections)
    if (connection->waitsForUpload() && connection->claim(0)) work(connection);
}

void Poller::sweep(std::int64_t now) {
  for (Connection* connection : _connections) {
    if (connection->owned()) continue;
    const bool late = connection->deadline() <= now;
    const bool fat = connection->idle() && !connection->trimmed && connection->idleSince + trimAfterMs <= now;
    if (!late && !fat && _cutAt == 0) continue;
    if (!connection->claim(0)) continue;
    if (connection->deadline() <= now) {
      place(connection, connection->expire());
      continue;
    }
    if (connection->idle()) connection->trim();
    work(connection);
  }
}

void Poller::closeListeners() {
  for (Listener& listener : _listeners) {
    if (listener.fd >= 0) ::close(listener.fd);
    listener.fd = -1;
  }
}

void Poller::deleteBuried() {
  for (Connection* connection : _core.takeBuried()) {
    _connections.erase(connection);
    delete connection;
  }
}

void Poller::cutAll() {
  _core.cut = true;
  for (Connection* connection : _core.queue.stop()) _core.bury(connection);
  for (Connection* connection : _connections) {
    if (connection->claim(0)) _core.bury(connection);
  }
  deleteBuried();
}

}  // namespace dispatch::http
