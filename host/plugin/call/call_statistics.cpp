#include "plugin/call/call_statistics.hpp"

#include "base/time.hpp"

#include <algorithm>
#include <vector>

namespace dispatch::plugin {

void CallStatistics::ended(std::uint64_t nanoseconds, const Outcome& outcome) {
  const std::lock_guard lock(_mutex);
  _microseconds[_calls % _microseconds.size()] =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(nanoseconds / 1000, UINT32_MAX));
  ++_calls;
  if (_inFlight > 0) --_inFlight;
  if (!outcome.ok()) {
    ++_failures;
    _lastError = outcome.message;
    _lastErrorAt = nowText();
  }
}

void CallStatistics::noteError(const std::string& message) {
  const std::lock_guard lock(_mutex);
  _lastError = message;
  _lastErrorAt = nowText();
}

Instance::Statistics CallStatistics::read() const {
  std::vector<std::uint32_t> times;
  Instance::Statistics statistics;
  {
    const std::lock_guard lock(_mutex);
    statistics.calls = _calls;
    statistics.failures = _failures;
    statistics.inFlight = _inFlight;
    statistics.lastError = _lastError;
    statistics.lastErrorAt = _lastErrorAt;
    times.assign(_microseconds.begin(),
                 _microseconds.begin() +
                     static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(_calls, _microseconds.size())));
  }
  if (times.empty()) return statistics;
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))] / 1000.0;
  };
  statistics.p50Ms = at(0.5);
  statistics.p99Ms = at(0.99);
  return statistics;
}

}  // namespace dispatch::plugin
