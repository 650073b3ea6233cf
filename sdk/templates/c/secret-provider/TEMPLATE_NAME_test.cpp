#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;

TEST(TEMPLATE_CLASS, KnowsNoSecrets) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  EXPECT_EQ(plugin.decrypt("PASSWORD", "x").status, DISPATCH_ERR_NOT_FOUND);
}

}  // namespace
