#include "plugin/call/deadline_watch.hpp"

#include "plugin/call/host_call.hpp"

#include <algorithm>
#include <chrono>

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t shortestSleepNs = 1'000'000;
constexpr std::uint64_t longestSleepNs = 20'000'000;  // a call begun meanwhile may have a nearer deadline
constexpr int idleRounds = 50;                        // a second without calls before it sleeps for good

}  // namespace

DeadlineWatch::DeadlineWatch() : _thread([this] { run(); }) {}

DeadlineWatch::~DeadlineWatch() {
  {
    const std::lock_guard lock(_mutex);
    _ending = true;
  }
  _changed.notify_all();
  _thread.join();
}

void DeadlineWatch::add(WatchedCalls& calls) {
  const std::lock_guard lock(_mutex);
  _watched.push_back(&calls);
}

void DeadlineWatch::remove(WatchedCalls& calls) {
  const std::lock_guard lock(_mutex);
  std::erase(_watched, &calls);
}

void DeadlineWatch::wake() noexcept {
  const std::lock_guard lock(_mutex);
  _awake.store(true, std::memory_order_seq_cst);
  _changed.notify_all();
}

void DeadlineWatch::run() noexcept {
  std::unique_lock lock(_mutex);
  int idle = 0;
  while (!_ending) {
    const auto now = monotonicNs();
    std::uint64_t nearest = 0;
    for (auto* calls : _watched)
      if (const auto deadline = calls->checkDeadlines(now);
          deadline != 0 && (nearest == 0 || deadline < nearest))
        nearest = deadline;
    if (nearest != 0) {
      idle = 0;
      _awake.store(true, std::memory_order_relaxed);
    } else if (++idle > idleRounds) {
      if (_awake.load(std::memory_order_relaxed)) {
        // One more look after saying so: a call that began before it could not have seen it.
        _awake.store(false, std::memory_order_seq_cst);
        continue;
      }
      _changed.wait(lock, [&] { return _ending || _awake.load(std::memory_order_relaxed); });
      idle = 0;
      continue;
    }
    const auto left = nearest == 0 ? longestSleepNs : nearest > now ? nearest - now : 0;
    _changed.wait_for(lock, std::chrono::nanoseconds(std::clamp(left, shortestSleepNs, longestSleepNs)));
  }
}

}  // namespace dispatch::plugin
