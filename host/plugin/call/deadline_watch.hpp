#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace dispatch::plugin {

/// Has calls that may pass their deadline.
class WatchedCalls {
 public:
  virtual ~WatchedCalls() = default;
  /// Cancels what is past its deadline. Returns the nearest deadline that is left, 0 if no call is under way.
  virtual std::uint64_t checkDeadlines(std::uint64_t nowNs) noexcept = 0;
};

/// One thread that pushes cancellation into calls at their deadline, at most 20 ms late. Sleeps while no call
/// is under way.
class DeadlineWatch {
 public:
  DeadlineWatch();
  ~DeadlineWatch();
  DeadlineWatch(const DeadlineWatch&) = delete;
  DeadlineWatch& operator=(const DeadlineWatch&) = delete;

  void add(WatchedCalls& calls);
  void remove(WatchedCalls& calls);  ///< after it has returned, `calls` is not being checked

  /// After a call has begun (and can be seen by checkDeadlines): makes sure that the thread is awake. One
  /// load where it is.
  void called() noexcept {
    if (!_awake.load(std::memory_order_seq_cst)) wake();
  }

 private:
  void wake() noexcept;
  void run() noexcept;

  std::mutex _mutex;
  std::condition_variable _changed;
  std::vector<WatchedCalls*> _watched;
  std::atomic<bool> _awake{false};
  bool _ending = false;
  std::thread _thread;
};

}  // namespace dispatch::plugin
