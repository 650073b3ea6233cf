#include "auth/throttle.hpp"

#include <gtest/gtest.h>

namespace dispatch::auth {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct ThrottleTest : ::testing::Test {
  Throttle::Clock::time_point moment = Throttle::Clock::now();
  Throttle throttle{[this] { return moment; }};

  milliseconds tries(int count, const std::string& account, const std::string& address) {
    milliseconds wait{0};
    for (int i = 0; i < count && wait.count() == 0; ++i) wait = throttle.enter(account, address);
    return wait;
  }
};

TEST_F(ThrottleTest, LetsAFewMistakesPass) { EXPECT_EQ(tries(5, "a@x", "10.0.0.1").count(), 0); }

TEST_F(ThrottleTest, DoublesTheWaitWithEachFurtherFailure) {
  tries(6, "a@x", "10.0.0.1");
  milliseconds before{0};
  for (int i = 0; i < 6; ++i) {
    const auto wait = throttle.enter("a@x", "10.0.0.1");
    ASSERT_GT(wait, before);
    if (before.count() > 0) {
      EXPECT_EQ(wait, before * 2);
    }
    before = wait;
    moment += wait;
    ASSERT_EQ(throttle.enter("a@x", "10.0.0.1").count(), 0);
  }
}

TEST_F(ThrottleTest, CountsAttemptsThatRunAtTheSameTime) {
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += throttle.enter("a@x", "10.0.0.1").count() == 0;
  EXPECT_LE(passed, 6);
}

TEST_F(ThrottleTest, NeverLocksTheOwnerOutFromAFloodElsewhere) {
  throttle.enter("owner@x", "10.0.0.9");
  throttle.succeeded("owner@x", "10.0.0.9");
  for (int i = 0; i < 500; ++i)
    throttle.enter("owner@x", "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  EXPECT_EQ(throttle.enter("owner@x", "10.0.0.9").count(), 0);
  // From a place they never were: slow, but open within half a minute.
  EXPECT_LE(throttle.enter("owner@x", "10.9.9.9"), seconds(30));
}

TEST_F(ThrottleTest, SlowsAGuesserWhoChangesAddresses) {
  for (int i = 0; i < 200; ++i)
    throttle.enter("owner@x", "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  EXPECT_GT(throttle.enter("owner@x", "10.2.0.1").count(), 0);
}

TEST_F(ThrottleTest, SlowsAGuesserWhoChangesAccounts) {
  milliseconds wait{0};
  for (int i = 0; i < 100 && wait.count() == 0; ++i)
    wait = throttle.enter("user" + std::to_string(i) + "@x", "10.0.0.1");
  EXPECT_GT(wait.count(), 0);
  EXPECT_EQ(throttle.enter("user1@x", "10.0.0.2").count(), 0);
}

TEST_F(ThrottleTest, TakesAWholeIpv6CustomerForOneAddress) {
  EXPECT_EQ(throttledAddress("2001:db8:1:2:3:4:5:6"), throttledAddress("2001:db8:1:2:ffff::1"));
  EXPECT_NE(throttledAddress("2001:db8:1:2::1"), throttledAddress("2001:db8:1:3::1"));
  EXPECT_EQ(throttledAddress("10.0.0.1"), "10.0.0.1");
}

TEST_F(ThrottleTest, ForgetsAfterAnHourAndAfterASuccess) {
  tries(6, "a@x", "10.0.0.1");
  moment += hours(1) + minutes(1);
  EXPECT_EQ(tries(5, "a@x", "10.0.0.1").count(), 0);
  throttle.succeeded("a@x", "10.0.0.1");
  EXPECT_EQ(tries(5, "a@x", "10.0.0.1").count(), 0);
}

TEST_F(ThrottleTest, DoesNotCountWhatTheProviderNeverJudged) {
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(throttle.enter("a@x", "10.0.0.1").count(), 0);
    throttle.abandoned("a@x", "10.0.0.1");
  }
}

TEST_F(ThrottleTest, LimitsRegistrationsFromOneAddressOnly) {
  EXPECT_EQ(tries(200, "", "10.0.0.1").count(), 0);
  throttle.enter("", "10.0.0.1");
  EXPECT_GT(throttle.enter("", "10.0.0.1").count(), 0);
  EXPECT_EQ(throttle.enter("", "10.0.0.2").count(), 0);
  EXPECT_EQ(throttle.enter("a@x", "10.0.0.1").count(), 0);
}

}  // namespace

}  // namespace dispatch::auth
