#include "base/backoff.hpp"

#include <gtest/gtest.h>

namespace dispatch {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToItsMostAndIsUpToAFifthLonger) {
  for (int round = 0; round < 100; ++round) {
    const auto first = backoff(1, 1s, 60s), third = backoff(3, 1s, 60s), hundredth = backoff(100, 1s, 60s);
    EXPECT_TRUE(first >= 1s && first <= 1200ms) << first.count();
    EXPECT_TRUE(third >= 4s && third <= 4800ms) << third.count();
    EXPECT_TRUE(hundredth >= 60s && hundredth <= 72s) << hundredth.count();
  }
}

TEST(Backoff, IsNotTheSameForAll) {
  const auto one = backoff(7, 1s, 60s);
  bool differs = false;
  for (int round = 0; round < 50 && !differs; ++round) differs = backoff(7, 1s, 60s) != one;
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace dispatch
