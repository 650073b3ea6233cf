#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::Json;

TEST(TEMPLATE_CLASS, SaysThatNothingWasRun) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  const Json incident = {{"id", 1}, {"name", "dispatch-1"}, {"title", "Checkout answers 503"}};
  const auto outcome =
      plugin.invoke("run", {{"workflow_id", "restart"}, {"params", Json::object()}, {"incident", incident}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
}

}  // namespace
