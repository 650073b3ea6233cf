#include "flow/verdict.hpp"

#include <gtest/gtest.h>

namespace dispatch::flow {
namespace {

using plugin::Effect;

plugin::Outcome ended(dispatch_status status) {
  plugin::Outcome outcome;
  outcome.status = status;
  return outcome;
}

TEST(Verdict, RepeatsOnlyWhatDoesNoHarm) {
  for (const dispatch_status unknown :
       {DISPATCH_ERR_TIMEOUT, DISPATCH_ERR_UNCERTAIN, DISPATCH_ERR_CANCELLED, DISPATCH_ERR_INTERNAL}) {
    EXPECT_EQ(judge(Effect::read, ended(unknown), 1, 8, false), Next::again);
    EXPECT_EQ(judge(Effect::idempotent, ended(unknown), 1, 8, false), Next::again);
    EXPECT_EQ(judge(Effect::findable, ended(unknown), 1, 8, false), Next::ask);
    EXPECT_EQ(judge(Effect::atMostOnce, ended(unknown), 1, 8, false), Next::uncertain);
  }
}

TEST(Verdict, TriesAgainWhatCertainlyDidNotHappen) {
  for (const Effect effect : {Effect::read, Effect::idempotent, Effect::findable, Effect::atMostOnce}) {
    EXPECT_EQ(judge(effect, ended(DISPATCH_ERR_UNAVAILABLE), 1, 8, false), Next::again);
    EXPECT_EQ(judge(effect, ended(DISPATCH_ERR_UNAVAILABLE), 8, 8, false), Next::failed);
    EXPECT_EQ(judge(effect, ended(DISPATCH_ERR_DENIED), 1, 8, false), Next::failed);
    EXPECT_EQ(judge(effect, ended(DISPATCH_ERR_INVALID), 1, 8, false), Next::failed);
  }
}

TEST(Verdict, ACertainFailureDoesNotSettleAnEarlierDoubt) {
  EXPECT_EQ(judge(Effect::findable, ended(DISPATCH_ERR_UNAVAILABLE), 2, 8, true), Next::ask);
  EXPECT_EQ(judge(Effect::findable, ended(DISPATCH_ERR_UNAVAILABLE), 8, 8, true), Next::uncertain);
}

TEST(Verdict, PausesGrowWithinTheirBoundsAndHonourRetryAfter) {
  EngineOptions options;
  options.retryFirst = std::chrono::seconds(2);
  options.retryMost = std::chrono::seconds(300);
  EXPECT_EQ(pauseAfter(1, 0, options, 0.5), std::chrono::seconds(2));
  EXPECT_EQ(pauseAfter(2, 0, options, 0.5), std::chrono::seconds(6));
  EXPECT_EQ(pauseAfter(20, 0, options, 0.5), std::chrono::seconds(300));
  EXPECT_EQ(pauseAfter(1, 0, options, 0.0), std::chrono::milliseconds(1500));
  EXPECT_EQ(pauseAfter(1, 60000, options, 0.5), std::chrono::seconds(60));
}

}  // namespace
}  // namespace dispatch::flow
