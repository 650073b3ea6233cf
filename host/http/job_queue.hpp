#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

namespace dispatch::http {

class Connection;

/// Connections with something for a worker to do. [any-thread]
///
/// Waking a thread costs more than a quick handler, so up to `spread` workers (one per processor) are woken
/// at once, one after the other, and a further one only when those seem to be blocked: no job was taken for a
/// while, or the oldest has waited too long. The poller's nudge() sees to it when nothing else happens.
class JobQueue {
 public:
  JobQueue(std::size_t most, std::size_t workers, std::size_t spread)
      : _most(most), _workers(workers), _spread(spread) {}

  /// Takes jobs off the front of `jobs` until full; returns how many it took.
  std::size_t push(std::span<Connection* const> jobs);
  bool push(Connection* job) { return push({&job, 1}) == 1; }
  /// Waits for a job; null after stop().
  Connection* pop();
  /// Wakes a worker if one is called for. True while jobs wait that a sleeping worker could take: come again
  /// soon.
  bool nudge();
  /// pop() returns null from now on. Returns the jobs that nobody will take.
  std::vector<Connection*> stop();
  std::size_t size() const;

 private:
  bool shouldWake(std::int64_t now);  // with _mutex held

  const std::size_t _most, _workers, _spread;
  mutable std::mutex _mutex;
  std::condition_variable _some;
  std::deque<Connection*> _jobs;
  std::size_t _sleeping = 0;
  std::int64_t _lastTaken = 0;  ///< us
  bool _waking = false;         ///< a worker was notified and has not run yet
  bool _stopped = false;
};

}  // namespace dispatch::http
