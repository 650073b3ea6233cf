#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;

TEST(TEMPLATE_CLASS, KnowsSomebody) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto outcome = plugin.invoke("get", {{"email", "grace@example.com"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["email"], "grace@example.com");
}

}  // namespace
