#include "wire/spin.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace dispatch::wire {
namespace {

using namespace std::chrono_literals;

class SpinTest : public ::testing::Test {
 protected:
  SpinTest() { ::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends); }
  ~SpinTest() override {
    Spin::allow({});
    for (const int end : ends)
      if (end >= 0) ::close(end);
  }
  std::chrono::nanoseconds waited() {
    const Spin::Call mine;
    const auto began = std::chrono::steady_clock::now();
    spin.wait(ends[0]);
    return std::chrono::steady_clock::now() - began;
  }

  int ends[2] = {-1, -1};
  Spin spin;
};

TEST_F(SpinTest, LooksOnlyWhereItIsAllowedTo) {
  EXPECT_LT(waited(), 5ms) << "nothing was allowed";
  Spin::allow({100'000'000, 1});
  {
    const Spin::Call other;
    EXPECT_LT(waited(), 50ms) << "more calls are under way than cores can be spared for";
  }
  EXPECT_GE(waited(), 100ms) << "nothing comes";
}

TEST_F(SpinTest, ReturnsAtOnceForAMessageAndLeavesItThere) {
  Spin::allow({2'000'000'000, 1});
  ASSERT_EQ(::send(ends[1], "hello", 5, 0), 5);
  EXPECT_LT(waited(), 1s);
  char text[8];
  EXPECT_EQ(::recv(ends[0], text, sizeof text, MSG_DONTWAIT), 5);
}

TEST_F(SpinTest, ReturnsAtOnceWhenThePeerIsGone) {
  Spin::allow({2'000'000'000, 1});
  ::close(std::exchange(ends[1], -1));
  EXPECT_LT(waited(), 1s);
}

TEST_F(SpinTest, LooksEverMoreSeldomWhereNothingComes) {
  Spin::allow({5'000'000, 1});
  int looks = 0;
  for (int i = 0; i < 200; ++i) looks += waited() >= 5ms;
  EXPECT_GE(looks, 6);
  EXPECT_LE(looks, 12) << "after 1, 3, 7, 15, 31 and then 63 waits without a look each";
  Spin::allow({2'000'000'000, 1});
  ASSERT_EQ(::send(ends[1], "x", 1, 0), 1);
  for (int i = 0; i < 64; ++i) EXPECT_LT(waited(), 1s);
  char byte;
  ASSERT_EQ(::recv(ends[0], &byte, 1, 0), 1);
  Spin::allow({5'000'000, 1});
  EXPECT_GE(waited(), 5ms) << "once something came, it looks again";
}

}  // namespace
}  // namespace dispatch::wire
