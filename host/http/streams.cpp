#include "http/streams.hpp"

#include "base/base.hpp"
#include "http/head.hpp"
#include "http/response.hpp"
#include "http/thread.hpp"

#include <Poco/Exception.h>
#include <Poco/Logger.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace dispatch::http {
namespace {

constexpr std::size_t mostPerWrite = 16 * 1024;
constexpr int eventsPerTurn = 256;

/// Runs what the streams were given by others; what it throws must not end the broadcaster.
template <typename F>
auto guarded(const char* what, F&& run) -> decltype(run()) {
  try {
    return run();
  } catch (const std::exception& error) {
    Poco::Logger::get("dispatch.http")
        .error("event streams: %s failed: %s", std::string(what), std::string(error.what()));
  } catch (...) {
    Poco::Logger::get("dispatch.http").error("event streams: %s failed", std::string(what));
  }
  return decltype(run())();
}

}  // namespace

Streams::Streams(Core& core)
    : _core(core),
      _epoll(::epoll_create1(EPOLL_CLOEXEC)),
      _wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      _heartbeat(std::make_shared<const std::string>(":\n\n")) {
  _scratch.reserve(mostPerWrite);
}

Streams::~Streams() {
  stop();
  ::close(_epoll);
  ::close(_wake);
}

void Streams::start() {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 0;
  ::epoll_ctl(_epoll, EPOLL_CTL_ADD, _wake, &event);
  _thread = startThread("http-streams", [this] { run(); });
}

void Streams::stop() {
  {
    std::lock_guard lock(_mutex);
    _closed = true;
  }
  if (!_thread.joinable()) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(_wake, &one, sizeof one);
  _thread.join();
}

void Streams::order(Order what) {
  bool first = false;
  {
    std::lock_guard lock(_mutex);
    if (_closed) return;
    first = _orders.empty();
    _orders.push_back(std::move(what));
  }
  if (!first) return;  // who left the first one has woken the thread
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(_wake, &one, sizeof one);
}

std::uint64_t Streams::open(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& given,
                            StreamClient client, std::vector<Frame> first, std::function<void()> onClosed) {
  auto* response = dynamic_cast<ServerResponse*>(&given);
  if (!response) throw Poco::IllegalStateException("event streams need a request of dispatch::http::Server");
  {
    std::lock_guard lock(_mutex);
    if (_closed)
      throw Problem(Problem::Kind::unavailable, "the server is stopping; connect again")
          .withRetryAfter(1'000);
  }
  const auto& options = _core.options.streams;
  response->setContentType("text/event-stream");
  response->set("Cache-Control", "no-store");
  response->set("X-Accel-Buffering", "no");  // nginx would keep events back
  if (equalsIgnoreCase(request.getMethod(), "HEAD")) {
    response->send();
    return 0;
  }
  if (_open.fetch_add(1) >= options.maxClients) {
    --_open;
    throw Problem(Problem::Kind::unavailable, "there are as many event streams as this server holds (" +
                                                  std::to_string(options.maxClients) + "); try again later")
        .withRetryAfter(5'000);
  }
  auto slot = std::make_shared<Slot>();
  const std::uint64_t id = _nextId.fetch_add(1);
  client.id = id;
  slot->client = std::move(client);
  slot->onClosed = std::move(onClosed);
  for (Frame& frame : first) {
    if (!frame || frame->empty()) continue;
    slot->queuedBytes += frame->size();
    slot->queue.push_back(std::move(frame));
  }
  // What the opener sends to begin with is its own choice; the limits are about what is published.
  slot->mostBytes = options.queueBytes + slot->queuedBytes;
  slot->mostFrames = options.queueFrames + slot->queue.size();
  try {
    response->detach(
        [this, id](Transport&& io) {
          // A std::function must be copyable, a socket is not.
          auto held = std::make_shared<Transport>(std::move(io));
          order([this, id, held] { attach(id, std::move(*held)); });
        },
        "retry: " + std::to_string(options.retry.count()) + "\n\n");
  } catch (...) {
    --_open;
    throw;
  }
  // Known from now on, so that nothing published after this call is missed; sent to once attached.
  order([this, slot] { add(slot); });
  return id;
}

void Streams::publish(const std::string& topic, Frame frame, Filter filter) {
  if (!frame || frame->empty()) return;
  order([this, topic, frame = std::move(frame), filter = std::move(filter)] {
    deliver(topic, frame, filter, {});
  });
}

void Streams::publishEach(const std::string& topic, Renderer renderer) {
  order([this, topic, renderer = std::move(renderer)] { deliver(topic, {}, {}, renderer); });
}

void Streams::send(std::uint64_t client, Frame frame) {
  if (!frame || frame->empty()) return;
  order([this, client, frame = std::move(frame)] {
    if (Slot* slot = find(client)) enqueue(*slot, frame);
  });
}

void Streams::close(std::uint64_t client) {
  order([this, client] {
    if (Slot* slot = find(client)) end(*slot);
  });
}

void Streams::closeWhere(Filter filter) {
  order([this, filter = std::move(filter)] {
    for (auto& [id, slot] : _slots) {
      if (slot->dead || !guarded("a filter", [&] { return filter(slot->client); })) continue;
      end(*slot);
    }
  });
}

void Streams::run() {
  const auto& options = _core.options.streams;
  const std::int64_t interval = std::clamp<std::int64_t>(
      std::min(options.heartbeat.count(), options.stallLimit.count()) / 8, 10, 1'000);
  std::int64_t nextBeat = nowMs();
  std::array<epoll_event, eventsPerTurn> events;
  while (true) {
    const auto wait = _slots.empty() ? -1 : std::clamp<std::int64_t>(nextBeat - nowMs(), 0, interval);
    const int count = ::epoll_wait(_epoll, events.data(), eventsPerTurn, static_cast<int>(wait));
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 != 0) {
        onEvent(event.data.u64, event.events);
        continue;
      }
      std::uint64_t wakes = 0;
      [[maybe_unused]] const auto got = ::read(_wake, &wakes, sizeof wakes);
    }
    std::vector<Order> orders;
    bool closed = false;
    {
      std::lock_guard lock(_mutex);
      orders.swap(_orders);
      closed = _closed;
    }
    for (const Order& order : orders) order();
    for (Slot* slot : std::exchange(_dirty, {})) {
      slot->dirty = false;
      flush(*slot);
    }
    if (const std::int64_t now = nowMs(); now >= nextBeat) {
      beat(now);
      nextBeat = now + interval;
    }
    if (closed)
      for (auto& [id, slot] : _slots) kill(*slot);
    removeDead();
    if (closed) return;
  }
}

Streams::Slot* Streams::find(std::uint64_t id) {
  const auto it = _slots.find(id);
  return it == _slots.end() || it->second->dead ? nullptr : it->second.get();
}

void Streams::add(std::shared_ptr<Slot> slot) {
  slot->lastSent = nowMs();
  for (const auto& topic : slot->client.topics) _topics[topic].insert(slot.get());
  _slots.emplace(slot->client.id, std::move(slot));
}

void Streams::attach(std::uint64_t id, Transport io) {
  Slot* slot = find(id);
  if (!slot) return;  // closed before it was there
  if (!io.open()) {
    kill(*slot);
    return;
  }
  slot->io = std::move(io);
  slot->lastSent = nowMs();
  // Heartbeats to a machine that vanished fill its buffer for hours; this notices.
  const int limit = static_cast<int>(_core.options.streams.stallLimit.count());
  ::setsockopt(slot->io.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = id;
  if (::epoll_ctl(_epoll, EPOLL_CTL_ADD, slot->io.fd(), &event) != 0) {
    kill(*slot);
    return;
  }
  drainInput(*slot);
  if (slot->ending) end(*slot);
  if (!slot->queue.empty() && !std::exchange(slot->dirty, true)) _dirty.push_back(slot);
}

void Streams::onEvent(std::uint64_t id, std::uint32_t edges) {
  Slot* slot = find(id);
  if (!slot) return;
  if (edges & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) drainInput(*slot);
  if (edges & EPOLLOUT) flush(*slot);
}

void Streams::drainInput(Slot& slot) {
  std::array<char, 4096> sink;
  // An event source has nothing to say; who talks on anyway is not listened to for long.
  for (int i = 0; i < 64 && !slot.dead; ++i) {
    const auto [status, bytes] = slot.io.read(sink.data(), sink.size());
    if (status == Transport::Status::again) return;
    if (status != Transport::Status::done) break;
  }
  kill(slot);
}

void Streams::deliver(const std::string& topic, const Frame& frame, const Filter& filter,
                      const Renderer& renderer) {
  const auto it = _topics.find(topic);
  if (it == _topics.end()) return;
  for (Slot* slot : it->second) {
    if (slot->dead) continue;
    if (renderer) {
      const Frame own = guarded("a renderer", [&] { return renderer(slot->client); });
      if (own && !own->empty()) enqueue(*slot, own);
    } else if (!filter || guarded("a filter", [&] { return filter(slot->client); })) {
      enqueue(*slot, frame);
    }
  }
}

void Streams::enqueue(Slot& slot, const Frame& frame) {
  if (slot.dead || slot.ending) return;
  if (slot.queue.size() >= slot.mostFrames || slot.queuedBytes + frame->size() > slot.mostBytes) {
    flush(slot);  // many orders at once must not drop one who keeps up
    if (slot.dead) return;
    if (slot.queue.size() >= slot.mostFrames || slot.queuedBytes + frame->size() > slot.mostBytes) {
      _dropped.fetch_add(1, std::memory_order_relaxed);
      kill(slot);
      return;
    }
  }
  _framesQueued.fetch_add(1, std::memory_order_relaxed);
  if (slot.queue.empty()) slot.lastSent = nowMs();  // the stall limit counts from the first frame that waits
  slot.queue.push_back(frame);
  slot.queuedBytes += frame->size();
  if (!std::exchange(slot.dirty, true)) _dirty.push_back(&slot);
}

void Streams::flush(Slot& slot) {
  while (!slot.dead && slot.io.open() && !slot.queue.empty()) {
    std::string_view next = std::string_view(*slot.queue.front()).substr(slot.sentOfFirst);
    if (slot.queue.size() > 1 && next.size() < mostPerWrite) {
      // After a TLS write that would block, the next must begin with the same bytes: this composes them
      // alike.
      _scratch.assign(next);
      for (auto it = slot.queue.begin() + 1; it != slot.queue.end() && _scratch.size() < mostPerWrite; ++it)
        _scratch.append(**it, 0, mostPerWrite - _scratch.size());
      next = _scratch;
    }
    const auto [status, bytes] = slot.io.write(next);
    Counters::add(_core.counters.bytesOut, bytes);
    if (bytes > 0) slot.lastSent = nowMs();
    slot.queuedBytes -= bytes;
    slot.sentOfFirst += bytes;
    while (!slot.queue.empty() && slot.sentOfFirst >= slot.queue.front()->size()) {
      slot.sentOfFirst -= slot.queue.front()->size();
      slot.queue.pop_front();
    }
    if (status == Transport::Status::again) return;
    if (status != Transport::Status::done) kill(slot);
  }
  // An empty deque keeps half a kilobyte; thousands of idle clients add up.
  if (slot.queue.empty()) std::deque<Frame>().swap(slot.queue);
}

void Streams::end(Slot& slot) {
  slot.ending = true;  // attach() comes back to it if the socket is still its opener's
  if (!slot.io.open()) return;
  flush(slot);
  kill(slot);
}

void Streams::kill(Slot& slot) {
  if (std::exchange(slot.dead, true)) return;
  _dead.push_back(slot.client.id);
}

void Streams::beat(std::int64_t now) {
  const auto& options = _core.options.streams;
  for (auto& [id, slot] : _slots) {
    if (slot->dead || !slot->io.open()) continue;
    if (slot->queue.empty()) {
      if (now - slot->lastSent < options.heartbeat.count()) continue;
      slot->queue.push_back(_heartbeat);
      slot->queuedBytes += _heartbeat->size();
      flush(*slot);
    } else if (now - slot->lastSent >= options.stallLimit.count()) {
      _dropped.fetch_add(1, std::memory_order_relaxed);
      kill(*slot);
    }
  }
}

void Streams::removeDead() {
  while (!_dead.empty()) {
    for (const std::uint64_t id : std::exchange(_dead, {})) {
      const auto it = _slots.find(id);
      if (it == _slots.end()) continue;
      const std::shared_ptr<Slot> slot = it->second;
      if (slot->dirty) _dirty.erase(std::find(_dirty.begin(), _dirty.end(), slot.get()));
      for (const auto& topic : slot->client.topics) {
        const auto group = _topics.find(topic);
        if (group == _topics.end()) continue;
        group->second.erase(slot.get());
        if (group->second.empty()) _topics.erase(group);
      }
      _slots.erase(it);
      --_open;
      slot->io.close();
      if (slot->onClosed) guarded("onClosed", [&] { slot->onClosed(); });
    }
  }
}

}  // namespace dispatch::http
