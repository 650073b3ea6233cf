#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::Json;

TEST(TEMPLATE_CLASS, OpensATicket) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  const Json incident = {{"id", 1}, {"name", "dispatch-1"}, {"title", "Checkout answers 503"}};
  const auto outcome = plugin.invoke("create", {{"incident", incident}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["resource_id"], "dispatch-1");
}

}  // namespace
