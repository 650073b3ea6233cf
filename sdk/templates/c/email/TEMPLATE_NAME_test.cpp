#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;

TEST(TEMPLATE_CLASS, SaysThatNothingWasSent) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto outcome = plugin.invoke("send", {{"message_id", "<1@example.com>"},
                                              {"to", {{{"email", "ada@example.com"}}}},
                                              {"subject", "s"},
                                              {"text", "t"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
}

}  // namespace
