#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::Json;

TEST(TEMPLATE_CLASS, NamesThoseOfItsSettings) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), {{"always", {"ada@example.com"}}});
  const Json incident = {{"id", 1}, {"name", "dispatch-1"}, {"title", "Checkout answers 503"}};
  const auto outcome = plugin.invoke("get", {{"incident", incident}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["individuals"][0]["email"], "ada@example.com");
}

}  // namespace
