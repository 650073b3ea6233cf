#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::HttpAnswer;
using dispatch::testing::HttpCall;
using dispatch::testing::Json;

Json settings(FakeHost& host) {
  return {{"url", "https://service.example.com"}, {"token", host.secret("s3cret")}, {"every_seconds", 30}};
}

TEST(TEMPLATE_CLASS, ReportsAnIncidentForEachAlarmAndGoesOn) {
  FakeHost host;
  host.onHttp = [](const HttpCall& request) -> HttpAnswer {
    EXPECT_EQ(request.header("Authorization"), "Bearer s3cret");
    if (request.url.ends_with("since="))
      return {200, R"({"alarms": [{"id": "77", "title": "Disk is full", "text": "on db1"}], "next": "77"})"};
    return {200, R"({"alarms": [], "next": "77"})"};
  };
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto first = plugin.poll();
  ASSERT_TRUE(first.ok()) << first.message;
  EXPECT_EQ(first.value["cursor"], "77");
  EXPECT_EQ(first.value["more"], true);
  ASSERT_EQ(host.events.size(), 1U);
  EXPECT_EQ(host.events[0]["key"], "77");
  const auto second = plugin.poll("77");
  EXPECT_EQ(second.value["more"], false);
  EXPECT_EQ(second.value["next_poll_ms"], 30'000);
  EXPECT_EQ(host.events.size(), 1U);
  EXPECT_EQ(host.metrics.size(), 1U);
}

TEST(TEMPLATE_CLASS, SaysWhatIsWrongWithTheToken) {
  FakeHost host;
  host.onHttp = [](const HttpCall&) -> HttpAnswer { return {401, ""}; };
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto polled = plugin.poll("77");
  EXPECT_EQ(polled.status, DISPATCH_ERR_DENIED);
  EXPECT_NE(polled.message.find("refuses the token"), std::string::npos);
}

}  // namespace
