#include "webhook/rate_limit.hpp"

#include <algorithm>
#include <cmath>

namespace dispatch::webhook {

std::chrono::milliseconds RateLimit::enter(std::int64_t instanceId) {
  const std::lock_guard lock(_mutex);
  const auto moment = _clock();
  // Only instances that exist come here: there are few.
  auto& bucket = _buckets.try_emplace(instanceId, Bucket{_options.burst, moment}).first->second;
  const double passed = std::chrono::duration<double>(moment - bucket.at).count();
  bucket.tokens = std::min(_options.burst, bucket.tokens + passed * _options.perSecond);
  bucket.at = moment;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::chrono::milliseconds(0);
  }
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(std::ceil((1 - bucket.tokens) / _options.perSecond * 1000)));
}

}  // namespace dispatch::webhook
