#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace dispatch::plugin {

/// Up to 64 turns, each taken by one call at a time. [any-thread]
class TurnGate {
 public:
  explicit TurnGate(int turns);

  int tryTake() noexcept;  ///< a turn, or -1: one locked instruction
  /// Waits for a turn until `untilNs` (monotonic) or until `stop` says so; -1 then.
  int take(std::uint64_t untilNs, const std::function<bool()>& stop);
  void give(int turn) noexcept;
  /// Has those that wait ask their `stop` again.
  void stir() noexcept;
  /// Waits until no turn but `except` are taken; false if some still are at `untilNs`.
  bool waitIdle(std::uint64_t untilNs, const std::function<int()>& except);
  int taken() const noexcept;
  int waiting() const noexcept { return _waiting.load(std::memory_order_relaxed); }

 private:
  const int _turns;
  std::atomic<std::uint64_t> _free;
  std::atomic<int> _waiting{0};
  std::mutex _mutex;
  std::condition_variable _changed;
};

}  // namespace dispatch::plugin
