#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;

TEST(TEMPLATE_CLASS, StaysWhereItIs) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto polled = plugin.poll("here");
  ASSERT_TRUE(polled.ok()) << polled.message;
  EXPECT_EQ(polled.value["cursor"], "here");
  EXPECT_TRUE(host.events.empty());
}

}  // namespace
