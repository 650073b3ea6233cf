// What becomes of a step after an attempt: the rule of each effect in one place.
#pragma once

#include "flow/engine.hpp"

#include <chrono>
#include <string>

namespace dispatch::flow {

enum class Next {
  done,
  again,      ///< later, the same call: nothing happened, or repeating it does no harm
  ask,        ///< later: first find out what became of this attempt
  failed,     ///< a person must change something, or tries are used up
  uncertain,  ///< it may have happened and nobody can tell: a person decides
};

/// After attempt number `attempt` (from 1) ended with `outcome`. `unsettled`: an earlier attempt's outcome is
/// still unknown, so that this one's certain failure does not settle whether the effect exists.
Next judge(plugin::Effect effect, const plugin::Outcome& outcome, std::int64_t attempt, int tries,
           bool unsettled);

/// After a crash between "an attempt begins" and its recorded outcome.
Next judgeAfterCrash(plugin::Effect effect);

/// The pause before the try after `attempt`; `random` in [0, 1) spreads it by a quarter either way.
std::chrono::milliseconds pauseAfter(std::int64_t attempt, std::uint32_t retryAfterMs,
                                     const EngineOptions& options, double random);

}  // namespace dispatch::flow
