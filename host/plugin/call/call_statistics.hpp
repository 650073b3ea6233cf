#pragma once

#include "plugin/instance.hpp"

#include <array>
#include <cstdint>
#include <mutex>

namespace dispatch::plugin {

/// How an instance's calls went. [any-thread]
class CallStatistics {
 public:
  void began() {
    const std::lock_guard lock(_mutex);
    ++_inFlight;
  }
  void ended(std::uint64_t nanoseconds, const Outcome& outcome);
  void noteError(const std::string& message);
  Instance::Statistics read() const;

 private:
  mutable std::mutex _mutex;
  std::uint64_t _calls = 0, _failures = 0, _inFlight = 0;
  std::string _lastError, _lastErrorAt;
  std::array<std::uint32_t, 512> _microseconds{};
};

}  // namespace dispatch::plugin
