#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::HttpAnswer;
using dispatch::testing::Json;

Json settings(FakeHost& host) {
  return {{"url", "https://service.example"}, {"token", host.secret("s3cret")}};
}

TEST(TEMPLATE_CLASS, LogsSomebodyIn) {
  FakeHost host;
  host.onHttp = [](const auto&) { return HttpAnswer{200, R"({"id": "7", "email": "ada@example.com"})"}; };
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto outcome =
      plugin.authenticate(dispatch::AuthAction::login, {{"name", "ada"}, {"password", "right"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_IDENTITY);
  EXPECT_EQ(outcome.value["subject"], "7");
}

TEST(TEMPLATE_CLASS, DeniesAWrongPassword) {
  FakeHost host;
  host.onHttp = [](const auto&) { return HttpAnswer{401, "no"}; };
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto outcome =
      plugin.authenticate(dispatch::AuthAction::login, {{"name", "ada"}, {"password", "wrong"}});
  EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_DENY);
  EXPECT_EQ(outcome.value["field"], "password");
}

TEST(TEMPLATE_CLASS, AsksAsRecorded) {
  FakeHost host;
  auto& recorded = host.replay(DISPATCH_RECORDINGS "/login.har");
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto outcome =
      plugin.authenticate(dispatch::AuthAction::login, recorded.recording().call.input["fields"]);
  EXPECT_EQ(outcome.value["kind"], DISPATCH_AUTH_IDENTITY) << recorded.unexpected().size();
  EXPECT_TRUE(recorded.unasked().empty());
}

}  // namespace
