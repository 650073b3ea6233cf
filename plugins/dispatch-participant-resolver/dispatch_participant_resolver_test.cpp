#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::Json;

const Json incident{{"incident", {{"id", 7}, {"name", "dispatch-default-default-7"}, {"title", "t"}}}};

TEST(ParticipantResolver, AsksForWhatMatchesTheIncident) {
  FakeHost host;
  host.directory["individuals"] = {{{"id", 1}, {"name", "Ada"}, {"email", "ada@example.com"}}};
  host.directory["teams"] = {{{"id", 4}, {"name", "Payments"}, {"email", "payments@example.com"}}};
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto outcome = plugin.invoke("get", incident);
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"individuals", {{{"email", "ada@example.com"}, {"name", "Ada"}}}},
                                 {"teams", {{{"email", "payments@example.com"}, {"name", "Payments"}}}}}));
  ASSERT_EQ(host.directoryQueries.size(), 3U);
  for (const auto& [what, query] : host.directoryQueries) EXPECT_EQ(query["matching_incident"], 7) << what;
}

TEST(ParticipantResolver, BringsInWhoIsOnCallOnceAndOnBehalfOfTheService) {
  FakeHost host;
  host.directory["services"] = {
      {{"id", 3}, {"name", "checkout"}, {"oncall", {{"email", "Grace@example.com"}, {"name", "Grace"}}}},
      {{"id", 5}, {"name", "search"}},
      {{"id", 6}, {"name", "retired"}, {"is_active", false}, {"oncall", {{"email", "old@example.com"}}}}};
  host.directory["individuals"] = {
      {{"id", 1}, {"name", "Grace"}, {"email", "grace@example.com"}},
      {{"id", 2}, {"name", "Gone"}, {"email", "gone@example.com"}, {"is_active", false}}};
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto outcome = plugin.invoke("get", incident);
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["individuals"],
            (Json{{{"email", "Grace@example.com"}, {"name", "Grace"}, {"service_id", 3}}}));
  ASSERT_EQ(host.logLines.size(), 1U);
  EXPECT_NE(host.logLines[0].second.find("\"search\""), std::string::npos);
}

TEST(ParticipantResolver, NobodyMatchingIsAnAnswer) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  EXPECT_EQ(plugin.invoke("get", incident).value,
            (Json{{"individuals", Json::array()}, {"teams", Json::array()}}));
}

}  // namespace
