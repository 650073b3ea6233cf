#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;

TEST(TEMPLATE_CLASS, RefusesWhoItDoesNotKnow) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto outcome = plugin.deliver({});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_FALSE(outcome.message.empty());
}

}  // namespace
