#include "plugin/call/circuit_breaker.hpp"

#include <gtest/gtest.h>

namespace dispatch::plugin {

namespace {

using namespace std::chrono_literals;
using End = CircuitBreaker::End;

constexpr std::uint64_t second = 1'000'000'000;

class CircuitBreakerTest : public testing::Test {
 protected:
  void fails(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(breaker.refuses(now, false), std::nullopt);
      breaker.ended(End::bad, now);
    }
  }

  CircuitBreaker breaker{{.failures = 3, .shortest = 5s, .longest = 15s}};
  std::uint64_t now = 100 * second;
};

TEST_F(CircuitBreakerTest, OpensAfterFailuresInARowOnly) {
  fails(2);
  breaker.ended(End::good, now);
  fails(2);
  breaker.ended(End::saysNothing, now);
  EXPECT_EQ(breaker.read(now).state, CircuitBreaker::State::closed);
  fails(1);
  EXPECT_EQ(breaker.read(now).state, CircuitBreaker::State::open);
  EXPECT_GT(breaker.refuses(now + second, false), 3s);
}

TEST_F(CircuitBreakerTest, LetsOneProbeThroughAndBelievesIt) {
  fails(3);
  now += 6 * second;
  EXPECT_EQ(breaker.refuses(now, false), std::nullopt);
  EXPECT_NE(breaker.refuses(now, false), std::nullopt) << "a second call beside the probe";
  breaker.ended(End::good, now);
  EXPECT_EQ(breaker.refuses(now, false), std::nullopt);
  EXPECT_EQ(breaker.refuses(now, false), std::nullopt);
}

TEST_F(CircuitBreakerTest, WaitsTwiceAsLongAfterEachBadProbeUpToALimit) {
  fails(3);
  for (const auto expected : {10s, 15s, 15s}) {
    now += 16 * second;
    ASSERT_EQ(breaker.refuses(now, false), std::nullopt);
    EXPECT_TRUE(breaker.ended(End::bad, now));
    EXPECT_NEAR(static_cast<double>(breaker.read(now).left.count()),
                static_cast<double>(std::chrono::milliseconds(expected).count()), 2);
  }
}

TEST_F(CircuitBreakerTest, AProbeThatSaysNothingLeavesTheQuestionToTheNext) {
  fails(3);
  now += 6 * second;
  ASSERT_EQ(breaker.refuses(now, false), std::nullopt);
  breaker.ended(End::saysNothing, now);
  EXPECT_EQ(breaker.refuses(now, false), std::nullopt);
}

TEST_F(CircuitBreakerTest, WhoInsistsPassesAndMayCloseIt) {
  fails(3);
  EXPECT_EQ(breaker.refuses(now, true), std::nullopt);
  breaker.ended(End::good, now);
  EXPECT_EQ(breaker.refuses(now, false), std::nullopt);
  fails(3);
  breaker.reset();
  EXPECT_EQ(breaker.refuses(now, false), std::nullopt);
}

}  // namespace

}  // namespace dispatch::plugin
