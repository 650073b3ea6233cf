#include "http/job_queue.hpp"

#include "http/connection.hpp"

#include <algorithm>

namespace dispatch::http {
namespace {

constexpr std::int64_t blockedUs = 100;    ///< no job taken for this long: the running workers are blocked
constexpr std::int64_t overdueUs = 1'000;  ///< a job that waited this long justifies another worker

}  // namespace

bool JobQueue::shouldWake(std::int64_t now) {
  if (_waking || _sleeping == 0 || _jobs.empty()) return false;
  const std::size_t running = _workers > _sleeping ? _workers - _sleeping : 0;
  if (running >= _spread && now - _lastTaken < blockedUs && now - _jobs.front()->readyAt < overdueUs)
    return false;
  _waking = true;
  return true;
}

std::size_t JobQueue::push(std::span<Connection* const> jobs) {
  bool wake = false;
  std::size_t taken = 0;
  const std::int64_t now = nowUs();
  {
    std::lock_guard lock(_mutex);
    if (_stopped) return 0;
    taken = std::min(jobs.size(), _most > _jobs.size() ? _most - _jobs.size() : 0);
    _jobs.insert(_jobs.end(), jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(taken));
    wake = shouldWake(now);
  }
  if (wake) _some.notify_one();
  return taken;
}

Connection* JobQueue::pop() {
  Connection* job = nullptr;
  bool wake = false;
  {
    std::unique_lock lock(_mutex);
    while (_jobs.empty() && !_stopped) {
      ++_sleeping;
      _some.wait(lock);
      --_sleeping;
      _waking = false;
    }
    if (_stopped) return nullptr;
    job = _jobs.front();
    _jobs.pop_front();
    _lastTaken = nowUs();
    wake = shouldWake(_lastTaken);
  }
  if (wake) _some.notify_one();
  return job;
}

bool JobQueue::nudge() {
  bool wake = false, more = false;
  {
    std::lock_guard lock(_mutex);
    wake = shouldWake(nowUs());
    more = !_jobs.empty() && _sleeping > 0 && !_stopped;
  }
  if (wake) _some.notify_one();
  return more;
}

std::vector<Connection*> JobQueue::stop() {
  std::vector<Connection*> left;
  {
    std::lock_guard lock(_mutex);
    _stopped = true;
    left.assign(_jobs.begin(), _jobs.end());
    _jobs.clear();
  }
  _some.notify_all();
  return left;
}

std::size_t JobQueue::size() const {
  std::lock_guard lock(_mutex);
  return _jobs.size();
}

}  // namespace dispatch::http
