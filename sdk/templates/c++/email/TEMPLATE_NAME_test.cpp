#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::HttpAnswer;
using dispatch::testing::Json;

Json settings(FakeHost& host) {
  return {{"url", "https://service.example"}, {"token", host.secret("s3cret")}};
}

TEST(TEMPLATE_CLASS, SendsAMail) {
  FakeHost host;
  host.onHttp = [](const auto&) { return HttpAnswer{201, R"({"state": "queued"})"}; };
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto outcome = plugin.invoke("send", {{"message_id", "<1@example.com>"},
                                              {"to", {{{"email", "ada@example.com"}}}},
                                              {"subject", "s"},
                                              {"text", "t"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["accepted"], (Json{"ada@example.com"}));
  EXPECT_EQ(host.httpCalls.at(0).header("Authorization"), "Bearer s3cret");
}

TEST(TEMPLATE_CLASS, AWrongTokenIsForAPersonToMend) {
  FakeHost host;
  host.onHttp = [](const auto&) { return HttpAnswer{401, "no"}; };
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto outcome = plugin.invoke("send", {{"message_id", "<1@example.com>"},
                                              {"to", {{{"email", "ada@example.com"}}}},
                                              {"subject", "s"},
                                              {"text", "t"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_NE(outcome.message.find("API token"), std::string::npos) << outcome.message;
}

TEST(TEMPLATE_CLASS, AsksAsRecorded) {
  FakeHost host;
  auto& recorded = host.replay(DISPATCH_RECORDINGS "/send.har");
  const auto outcome = host.callRecorded(dispatch_plugin_query_v1());
  EXPECT_EQ(outcome.value, recorded.recording().call.expected["answer"]) << outcome.message;
  EXPECT_TRUE(recorded.unexpected().empty()) << recorded.unexpected().front();
  EXPECT_TRUE(recorded.unasked().empty()) << recorded.unasked().front();
}

TEST(TEMPLATE_CLASS, AnAnswerThatWasCutShortLeavesItOpen) {
  FakeHost host;
  host.replay(DISPATCH_RECORDINGS "/send.har").breakExchange(1, dispatch::testing::Fault::cutShort);
  EXPECT_EQ(host.callRecorded(dispatch_plugin_query_v1()).status, DISPATCH_ERR_UNCERTAIN);
}

}  // namespace
