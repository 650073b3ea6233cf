#include "store/local_event_bus.hpp"

#include <Poco/Logger.h>

#include <algorithm>
#include <exception>

namespace dispatch::store {

namespace {
/// Beyond this a listener blocks the bus: better to say that events were missed than to grow without bound.
constexpr std::size_t kMaxQueued = 100000;
}  // namespace

/// Recursive: a listener may release its own subscription.
struct LocalEventBus::Entry {
  std::recursive_mutex mutex;
  Listener listener;
  bool listening = true;
};

LocalEventBus::LocalEventBus() : _thread([this] { run(); }) {}

LocalEventBus::~LocalEventBus() {
  {
    const std::lock_guard lock(_mutex);
    _stopping = true;
  }
  _wake.notify_all();
  _thread.join();
}

EventBus::Subscription LocalEventBus::subscribe(Listener listener) {
  auto entry = std::make_shared<Entry>();
  entry->listener = std::move(listener);
  {
    const std::lock_guard lock(_mutex);
    std::erase_if(_listeners, [](const auto& known) { return known.expired(); });
    _listeners.push_back(entry);
  }
  return {static_cast<void*>(entry.get()), [entry](void*) {
            const std::lock_guard lock(entry->mutex);
            entry->listening = false;
          }};
}

void LocalEventBus::post(Event event) {
  {
    const std::lock_guard lock(_mutex);
    if (_queue.size() >= kMaxQueued) {
      _queue.clear();
      event = Event{0, "*", 0, "missed", Json::object()};
    }
    _queue.push_back(std::move(event));
  }
  _wake.notify_one();
}

void LocalEventBus::postMissed() { post(Event{0, "*", 0, "missed", Json::object()}); }

void LocalEventBus::run() {
  std::unique_lock lock(_mutex);
  for (;;) {
    _wake.wait(lock, [this] { return _stopping || !_queue.empty(); });
    if (_queue.empty()) return;
    const Event event = std::move(_queue.front());
    _queue.pop_front();
    lock.unlock();
    deliver(event);
    lock.lock();
  }
}

void LocalEventBus::deliver(const Event& event) {
  std::vector<std::shared_ptr<Entry>> listeners;
  {
    const std::lock_guard lock(_mutex);
    listeners.reserve(_listeners.size());
    for (const auto& known : _listeners)
      if (auto entry = known.lock()) listeners.push_back(std::move(entry));
  }
  for (const auto& entry : listeners) {
    const std::lock_guard lock(entry->mutex);
    if (!entry->listening) continue;
    try {
      entry->listener(event);
    } catch (const std::exception& problem) {
      Poco::Logger::get("dispatch.store")
          .error("a listener for " + event.subject + " events threw: " + problem.what());
    }
  }
}

}  // namespace dispatch::store
