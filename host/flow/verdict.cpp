#include "flow/verdict.hpp"

#include <algorithm>

namespace dispatch::flow {

using plugin::Effect;

Next judge(Effect effect, const plugin::Outcome& outcome, std::int64_t attempt, int tries, bool unsettled) {
  if (outcome.ok()) return Next::done;
  const bool last = attempt >= tries;
  // A defect of the plugin, or an answer beyond a limit, tells nothing about how far the call got.
  const bool unknown =
      outcome.uncertain() || outcome.status == DISPATCH_ERR_INTERNAL || outcome.status == DISPATCH_ERR_LIMIT;
  switch (effect) {
    case Effect::read:
    case Effect::idempotent:
      return outcome.permanent() || last ? Next::failed : Next::again;
    case Effect::findable:
      if (unknown || unsettled) return last ? Next::uncertain : Next::ask;
      return outcome.permanent() || last ? Next::failed : Next::again;
    case Effect::atMostOnce:
      if (unknown) return Next::uncertain;
      return outcome.permanent() || last ? Next::failed : Next::again;
  }
  return Next::uncertain;
}

Next judgeAfterCrash(Effect effect) {
  switch (effect) {
    case Effect::read:
    case Effect::idempotent:
      return Next::again;
    case Effect::findable:
      return Next::ask;
    case Effect::atMostOnce:
      return Next::uncertain;
  }
  return Next::uncertain;
}

std::chrono::milliseconds pauseAfter(std::int64_t attempt, std::uint32_t retryAfterMs,
                                     const EngineOptions& options, double random) {
  double pause = static_cast<double>(options.retryFirst.count());
  const double most = static_cast<double>(options.retryMost.count());
  for (std::int64_t i = 1; i < attempt && pause < most; ++i) pause *= 3;
  pause = std::min(pause, most) * (0.75 + random / 2);
  return std::chrono::milliseconds(
      std::max(static_cast<std::int64_t>(pause), static_cast<std::int64_t>(retryAfterMs)));
}

}  // namespace dispatch::flow
