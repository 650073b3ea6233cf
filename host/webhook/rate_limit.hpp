#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>

namespace dispatch::webhook {

/// Requests of each instance: a burst, then so many a second. In this process's memory. [any-thread]
class RateLimit {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    double burst = 300, perSecond = 30;
  };
  explicit RateLimit(
      Options options, std::function<Clock::time_point()> clock = [] { return Clock::now(); })
      : _options(options), _clock(std::move(clock)) {}

  /// Counts one. How long to wait instead, or zero.
  std::chrono::milliseconds enter(std::int64_t instanceId);

 private:
  struct Bucket {
    double tokens;
    Clock::time_point at;
  };
  const Options _options;
  const std::function<Clock::time_point()> _clock;
  std::mutex _mutex;
  std::unordered_map<std::int64_t, Bucket> _buckets;
};

}  // namespace dispatch::webhook
