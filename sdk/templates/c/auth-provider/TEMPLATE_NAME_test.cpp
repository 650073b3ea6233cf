#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;

TEST(TEMPLATE_CLASS, DeniesEverybody) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto outcome = plugin.authenticate(dispatch::AuthAction::login, {{"name", "ada"}});
  EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_DENY);
}

}  // namespace
