// dispatch.source/1 in both homes: cursors go in as they were answered, and what comes back is looked at.
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace dispatch::plugin {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class SourceInstanceTest : public testing::ProbeTest {};

TEST_F(SourceInstanceTest, GoesOnWhereItWas) {
  const auto instance = started();
  ASSERT_TRUE(instance->has(DISPATCH_SOURCE_1));
  const auto first = instance->poll("", {});
  ASSERT_TRUE(first.ok()) << first.message;
  EXPECT_EQ(first.cursor, "1");
  EXPECT_TRUE(first.more);
  EXPECT_EQ(first.next, 0ms);
  const auto second = instance->poll("2", {});
  EXPECT_EQ(second.cursor, "3");
  EXPECT_FALSE(second.more);
}

TEST_F(SourceInstanceTest, IsNotAskedMoreOftenThanOnceASecond) {
  EXPECT_EQ(started()->poll("2", {}).next, 1000ms) << "the plugin said 5 ms";
}

TEST_F(SourceInstanceTest, MayAnswerLater) {
  const auto polled = started()->poll("10", {});
  ASSERT_TRUE(polled.ok()) << polled.message;
  EXPECT_EQ(polled.cursor, "11");
}

TEST_F(SourceInstanceTest, FailuresComeWithTheirSentence) {
  const auto polled = started()->poll("fail", {});
  EXPECT_EQ(polled.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(polled.message, HasSubstr("nobody answers there"));
  EXPECT_EQ(polled.retryAfterMs, 7000u);
}

TEST_F(SourceInstanceTest, CursorMustBeTextInTheMemoryOfItsCall) {
  const auto instance = started();
  EXPECT_FALSE(instance->poll("literal", {}).ok());
  const auto polled = instance->poll("bytes", {});
  EXPECT_EQ(polled.status, DISPATCH_ERR_INTERNAL);
  EXPECT_THAT(polled.message, HasSubstr("its cursor is not UTF-8 text"));
}

TEST_F(SourceInstanceTest, OneThatWaitsForNewsEndsWhenItIsCancelled) {
  const auto instance = started();
  CallOptions options;
  options.cancellation = std::make_shared<Cancellation>();
  std::thread soon([&] {
    std::this_thread::sleep_for(30ms);
    options.cancellation->cancel();
  });
  EXPECT_EQ(instance->poll("hang", options).status, DISPATCH_ERR_CANCELLED);
  soon.join();
}

}  // namespace
}  // namespace dispatch::plugin
