#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::HttpAnswer;
using dispatch::testing::Json;

const Json incident{{"incident", {{"id", 1}, {"name", "dispatch-1"}, {"title", "Checkout answers 503"}}}};

TEST(HelloTicket, OpensATicketWithTheTokenInItsPlace) {
  FakeHost host;
  host.onHttp = [](const auto&) {
    return HttpAnswer{201, R"({"key": "T-1", "url": "https://tracker.example/T-1"})"};
  };
  auto plugin = host.load(dispatch_plugin_query_v1(),
                          {{"url", "https://tracker.example"}, {"token", host.secret("s3cret")}});
  const auto outcome = plugin.invoke("create", incident);
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["resource_id"], "T-1");
  EXPECT_EQ(host.httpCalls.at(0).header("Authorization"), "Bearer s3cret");
}

TEST(HelloTicket, FindsNothingWhereThereIsNothing) {
  FakeHost host;
  host.onHttp = [](const auto&) { return HttpAnswer{404, ""}; };
  auto plugin = host.load(dispatch_plugin_query_v1(),
                          {{"url", "https://tracker.example"}, {"token", host.secret("s3cret")}});
  EXPECT_EQ(plugin.invoke("find", incident).value, (Json{{"found", false}}));
}

TEST(HelloTicket, AWrongTokenIsForAPersonToMend) {
  FakeHost host;
  host.onHttp = [](const auto&) { return HttpAnswer{401, "no"}; };
  auto plugin = host.load(dispatch_plugin_query_v1(),
                          {{"url", "https://tracker.example"}, {"token", host.secret("s3cret")}});
  EXPECT_EQ(plugin.invoke("create", incident).status, DISPATCH_ERR_DENIED);
}

TEST(HelloTicket, AsksAsRecorded) {
  FakeHost host;
  auto& recorded = host.replay(DISPATCH_RECORDINGS "/create.har");
  const auto outcome = host.callRecorded(dispatch_plugin_query_v1());
  EXPECT_EQ(outcome.value, recorded.recording().call.expected["answer"]) << outcome.message;
  EXPECT_TRUE(recorded.unexpected().empty()) << recorded.unexpected().front();
  EXPECT_TRUE(recorded.unasked().empty()) << recorded.unasked().front();
}

TEST(HelloTicket, AnAnswerThatWasCutShortLeavesItOpen) {
  FakeHost host;
  host.replay(DISPATCH_RECORDINGS "/create.har").breakExchange(1, dispatch::testing::Fault::cutShort);
  EXPECT_EQ(host.callRecorded(dispatch_plugin_query_v1()).status, DISPATCH_ERR_UNCERTAIN);
}

}  // namespace
