#include "source/poller.hpp"

#include "base/backoff.hpp"
#include "base/base.hpp"

#include <Poco/Logger.h>

#include <algorithm>

namespace dispatch::source {

namespace {

using Clock = std::chrono::steady_clock;

Poco::Logger& log() {
  static Poco::Logger& logger = Poco::Logger::get("dispatch.source");
  return logger;
}

std::string after(std::chrono::milliseconds wait) { return toText(now() + wait); }

}  // namespace

Poller::Poller(store::Database& database, integrations::Integrations& integrations, std::string hostId,
               PollerOptions options)
    : _integrations(integrations),
      _cursors(database, std::move(hostId), options.lease),
      _options(options),
      _alone(database.dialect() == store::Dialect::sqlite) {}

Poller::~Poller() { stop(); }

void Poller::run() {
  if (_alone) _cursors.takeBackAll();
  const std::lock_guard lock(_mutex);
  _running = true;
  _cancellation = std::make_shared<plugin::Cancellation>();
  _ticker = std::thread([this] { tick(); });
}

void Poller::stop() {
  {
    const std::lock_guard lock(_mutex);
    if (!_ticker.joinable()) return;
    _running = false;
    _changed.notify_all();
  }
  _ticker.join();  // from here on none is begun
  {
    std::unique_lock lock(_mutex);
    const auto idle = [&] {
      return std::all_of(_polls.begin(), _polls.end(), [](const auto& entry) { return entry.second.ended; });
    };
    // One that waits for news would wait for long; what it has not told yet it tells the next server.
    if (!_changed.wait_for(lock, _options.stopWithin, idle)) {
      lock.unlock();
      _cancellation->cancel();
      lock.lock();
      _changed.wait(lock, idle);
    }
  }
  std::unique_lock lock(_mutex);
  joinEnded(lock);
}

bool Poller::running() {
  const std::lock_guard lock(_mutex);
  return _running;
}

void Poller::pollNow(std::int64_t instanceId, bool startOver, const std::string& actor) {
  const auto serving = _integrations.byId(instanceId);
  if (!serving.instance) throw Problem(Problem::Kind::conflict, serving.reason);
  _cursors.pollNow(instanceId, startOver, actor);
  {
    const std::lock_guard lock(_mutex);
    _hurry = true;
  }
  _changed.notify_all();
}

void Poller::joinEnded(std::unique_lock<std::mutex>& lock) {
  std::vector<std::thread> ended;
  for (auto poll = _polls.begin(); poll != _polls.end();) {
    if (!poll->second.ended) {
      ++poll;
      continue;
    }
    ended.push_back(std::move(poll->second.thread));
    poll = _polls.erase(poll);
  }
  lock.unlock();
  for (auto& thread : ended) thread.join();
  lock.lock();
}

void Poller::tick() {
  std::unique_lock lock(_mutex);
  auto renewed = Clock::now();
  while (_running) {
    _hurry = false;
    joinEnded(lock);
    std::vector<std::int64_t> held;
    for (const auto& [id, poll] : _polls) held.push_back(id);
    auto room = _options.most - std::min(_options.most, held.size());
    lock.unlock();
    std::vector<Cursors::Taken> due;
    try {
      if (Clock::now() - renewed >= _options.lease / 3) {
        _cursors.extendLeases(held);
        renewed = Clock::now();
      }
      std::vector<Cursors::Known> idle;
      for (const auto& serving : _integrations.running(DISPATCH_SOURCE_1))
        if (std::find(held.begin(), held.end(), serving.enablementId) == held.end())
          idle.push_back({serving.enablementId, serving.instance->scope().organizationId});
      due = _cursors.takeDue(idle, room);
    } catch (const std::exception& error) {
      log().warning("The sources could not be looked at: %s", std::string(error.what()));
    }
    lock.lock();
    begin(due);
    _changed.wait_for(lock, _options.tick, [&] { return !_running || _hurry; });
  }
}

/// Under _mutex. What cannot be begun, as the server stops or has no thread, is due again when its lease ends
/// at the latest.
void Poller::begin(std::vector<Cursors::Taken>& due) {
  for (auto& taken : due) {
    const auto id = taken.instanceId;
    try {
      if (!_running) {
        _cursors.giveBack(id);
        continue;
      }
      _polls[id].thread = std::thread([this, taken] { poll(taken); });
    } catch (const std::exception& error) {
      _polls.erase(id);
      log().error("Plugin instance %s cannot be asked now: %s", std::to_string(id),
                  std::string(error.what()));
    }
  }
}

/// One that always has more must not keep its place from those that wait for one.
bool Poller::crowded() {
  const std::lock_guard lock(_mutex);
  return _polls.size() >= _options.most;
}

void Poller::poll(Cursors::Taken taken) {
  try {
    bool running = true;
    while (running) {
      const auto began = Clock::now();
      running = pollOnce(taken);
      std::unique_lock lock(_mutex);
      if (running) _changed.wait_until(lock, began + _options.atOnce, [&] { return !_running; });
      if (running && !_running) {
        lock.unlock();
        _cursors.giveBack(taken.instanceId);
        running = false;
      }
    }
  } catch (const std::exception& error) {
    // Its lease ends by itself, and then it is asked again.
    log().error("What plugin instance %s answered could not be kept: %s", std::to_string(taken.instanceId),
                std::string(error.what()));
  }
  const std::lock_guard lock(_mutex);
  _polls[taken.instanceId].ended = true;
  _hurry = true;
  _changed.notify_all();
}

bool Poller::pollOnce(Cursors::Taken& taken) {
  const auto serving = _integrations.byId(taken.instanceId);
  if (!serving.instance) {
    _cursors.giveBack(taken.instanceId);
    return false;
  }
  plugin::CallOptions options;
  options.cancellation = _cancellation;
  const auto polled = serving.instance->poll(taken.cursor, options);
  if (polled.ok()) {
    const bool goesOn = polled.more && !crowded();
    const auto next = polled.more ? _options.atOnce : polled.next.count() == 0 ? _options.usual : polled.next;
    if (_cursors.advance(taken, polled.cursor,
                         goesOn ? std::nullopt : std::optional<std::string>(after(next))))
      return goesOn;
    log().warning(
        "Plugin instance %s was asked for longer than its lease; another server may have told the same",
        std::to_string(taken.instanceId));
    return false;
  }
  // Cancelled by the host, or with its instance, which was replaced meanwhile: no failure of the plugin.
  if (_cancellation->cancelled() || (polled.status == DISPATCH_ERR_CANCELLED &&
                                     _integrations.byId(taken.instanceId).instance != serving.instance)) {
    _cursors.giveBack(taken.instanceId);
    return false;
  }
  const auto wait = std::max(backoff(taken.failures + 1, _options.retryFirst, _options.retryMost),
                             std::min(std::chrono::milliseconds(polled.retryAfterMs), _options.retryMost));
  _cursors.failed(taken, polled.message, after(wait));
  return false;
}

}  // namespace dispatch::source
