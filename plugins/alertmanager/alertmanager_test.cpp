#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

#include <set>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::Instance;
using dispatch::testing::Json;

constexpr const char* token = "a-token-of-some-length";

Json settings(FakeHost& host, const Json& more = Json::object()) {
  Json all{{"bearer_token", host.secret(token)}};
  all.update(more);
  return all;
}

/// The form of Alertmanager 0.25, cut down to what is read.
Json alert(const std::string& name, bool firing, const std::string& severity = "critical",
           const std::string& startsAt = "2026-03-01T10:00:00.000Z") {
  Json labels{{"alertname", name}, {"instance", "db1:9100"}};
  if (!severity.empty()) labels["severity"] = severity;
  return {{"status", firing ? "firing" : "resolved"},
          {"labels", labels},
          {"annotations", {{"summary", name + " is bad"}, {"description", "Look at " + name}}},
          {"startsAt", startsAt},
          {"endsAt", firing ? "0001-01-01T00:00:00Z" : "2026-03-01T11:00:00.000Z"},
          {"generatorURL", "http://prometheus:9090/graph"},
          {"fingerprint", "f-" + name}};
}

Instance::Webhook webhook(const std::vector<Json>& alerts, const std::string& bearer = token) {
  static std::int64_t second = 1'700'000'000;
  bool firing = false;
  for (const Json& one : alerts) firing |= one["status"] == "firing";
  const Json body{{"version", "4"},
                  {"groupKey", "{}:{alertname=\"DiskFull\"}"},
                  {"truncatedAlerts", 0},
                  {"status", firing ? "firing" : "resolved"},
                  {"receiver", "dispatch"},
                  {"groupLabels", {{"alertname", "DiskFull"}}},
                  {"commonLabels", Json::object()},
                  {"commonAnnotations", Json::object()},
                  {"externalURL", "http://alertmanager:9093"},
                  {"alerts", alerts}};
  Instance::Webhook made;
  made.receivedAtNs = ++second * 1'000'000'000;  // one after the other
  made.body = body.dump();
  made.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + bearer}};
  return made;
}

std::size_t count(const FakeHost& host, const std::string& type) {
  std::size_t found = 0;
  for (const Json& event : host.events) found += event["type"] == type ? 1U : 0U;
  return found;
}

TEST(Alertmanager, ReportsOneIncidentForAGroup) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(),
                          settings(host, {{"incident_type", "Outage"}, {"priorities", {"critical=High"}}}));
  const auto outcome = plugin.deliver(webhook({alert("DiskFull", true), alert("DiskSlow", true, "warning")}));
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["status"], 204);
  ASSERT_EQ(count(host, "incident.report"), 1U);
  const Json event = host.events.front();
  EXPECT_EQ(event["key"], "{}:{alertname=\"DiskFull\"}");
  EXPECT_EQ(event["actor"], "");
  EXPECT_EQ(event["data"]["title"], "DiskFull: DiskFull is bad");
  EXPECT_EQ(event["data"]["incident_type"], "Outage");
  EXPECT_EQ(event["data"]["incident_priority"], "High");
  EXPECT_NE(event["data"]["description"].get<std::string>().find("DiskSlow (warning)"), std::string::npos);
  EXPECT_EQ(count(host, "timeline.note"), 2U);
}

TEST(Alertmanager, FurtherAlertsOfTheGroupAreNotesOfTheSameIncident) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  ASSERT_TRUE(plugin.deliver(webhook({alert("DiskFull", true)})).ok());
  ASSERT_TRUE(plugin.deliver(webhook({alert("DiskFull", true), alert("DiskSlow", true)})).ok());
  EXPECT_EQ(host.incidents.size(), 1U);
  std::set<std::string> notes;
  for (const Json& event : host.events)
    if (event["type"] == "timeline.note") notes.insert(event["key"].get<std::string>());
  EXPECT_EQ(notes.size(), 2U) << "the first alert has the same key again, and counts once";
}

TEST(Alertmanager, ResolvedIsStableAndFiringAgainIsActive) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto first = webhook({alert("DiskFull", true)});
  const auto firstId = plugin.deliveryId(first).value;
  ASSERT_TRUE(plugin.deliver(first).ok());
  ASSERT_TRUE(plugin.deliver(webhook({alert("DiskFull", false)})).ok());
  EXPECT_EQ(host.incidents.begin()->second["status"], "Stable");
  ASSERT_TRUE(plugin.deliver(first).ok());
  EXPECT_EQ(host.incidents.begin()->second["status"], "Stable") << "an old request, come once more";
  // Prometheus was away and counts from the first time again.
  const auto again = webhook({alert("DiskFull", true)});
  EXPECT_NE(plugin.deliveryId(again).value, firstId) << "the same words, and no repetition";
  ASSERT_TRUE(plugin.deliver(again).ok());
  EXPECT_EQ(host.incidents.begin()->second["status"], "Active");
}

TEST(Alertmanager, WhatCameFirstAndIsDeliveredLastDoesNotHaveTheLastWord) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto fired = webhook({alert("DiskFull", true)});
  ASSERT_TRUE(plugin.deliver(webhook({alert("DiskFull", false)})).ok());
  EXPECT_TRUE(host.incidents.empty());
  ASSERT_TRUE(plugin.deliver(fired).ok());
  EXPECT_EQ(host.incidents.begin()->second["status"], "Stable") << "it happened, and is over";
  const auto resolved = webhook({alert("DiskFull", false)});
  ASSERT_TRUE(
      plugin.deliver(webhook({alert("DiskFull", true, "critical", "2026-03-01T12:00:00.000Z")})).ok());
  ASSERT_TRUE(plugin.deliver(resolved).ok());
  EXPECT_EQ(host.incidents.begin()->second["status"], "Active");
}

TEST(Alertmanager, WhatAPersonMadeStableStaysSoWhileNothingNewFires) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  ASSERT_TRUE(plugin.deliver(webhook({alert("DiskFull", true), alert("DiskSlow", true)})).ok());
  host.incidents.begin()->second["status"] = "Stable";
  ASSERT_TRUE(plugin.deliver(webhook({alert("DiskFull", true), alert("DiskSlow", false)})).ok());
  EXPECT_EQ(host.incidents.begin()->second["status"], "Stable");
}

TEST(Alertmanager, ResolvedWithoutAReportIsNothing) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  EXPECT_EQ(plugin.deliver(webhook({alert("DiskFull", false)})).value["status"], 204);
  EXPECT_TRUE(host.incidents.empty());
}

TEST(Alertmanager, WhatIsLessSevereIsNotReported) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host, {{"minimum_severity", "critical"}}));
  EXPECT_EQ(plugin.deliver(webhook({alert("DiskSlow", true, "warning")})).value["status"], 204);
  EXPECT_TRUE(host.events.empty());
  ASSERT_TRUE(plugin.deliver(webhook({alert("Unlabelled", true, "")})).ok());
  EXPECT_EQ(count(host, "incident.report"), 1U) << "who knows how severe it is";
}

TEST(Alertmanager, AnUnknownPriorityDoesNotLoseTheIncident) {
  FakeHost host;
  host.onEvent = [](const Json& event) -> Json {
    if (event["data"].contains("incident_priority")) throw dispatch::Failure::invalid("there is no High");
    return {
        {"id", "1"}, {"duplicate", false}, {"incident", {{"id", 1}, {"name", "d-1"}, {"status", "Active"}}}};
  };
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host, {{"priorities", {"critical=High"}}}));
  EXPECT_TRUE(plugin.deliver(webhook({alert("DiskFull", true)})).ok());
  EXPECT_EQ(count(host, "incident.report"), 2U);
}

TEST(Alertmanager, RefusesWhoDoesNotKnowTheToken) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  for (const std::string wrong : {"", "a-token-of-some-lengt", "a-token-of-some-length2"}) {
    EXPECT_EQ(plugin.deliver(webhook({alert("DiskFull", true)}, wrong)).value["status"], 401) << wrong;
    EXPECT_EQ(plugin.deliveryId(webhook({alert("DiskFull", true)}, wrong)).value, "") << wrong;
  }
  EXPECT_TRUE(host.events.empty());
}

TEST(Alertmanager, TheSameStateIsTheSameDelivery) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  const auto first = plugin.deliveryId(webhook({alert("A", true), alert("B", true)})).value;
  EXPECT_NE(first, "");
  EXPECT_EQ(plugin.deliveryId(webhook({alert("B", true), alert("A", true)})).value, first);
  EXPECT_NE(plugin.deliveryId(webhook({alert("A", true), alert("B", false)})).value, first);
}

TEST(Alertmanager, RefusesWhatItCannotRead) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  for (const char* body : {"", "[]", "{\"version\": \"3\"}", "{\"version\": \"4\"}", "nonsense",
                           R"({"version": "4", "groupKey": "k", "status": "firing", "alerts": [{}]})"}) {
    auto made = webhook({alert("A", true)});
    made.body = body;
    const auto outcome = plugin.deliver(made);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID) << body;
    EXPECT_FALSE(outcome.message.empty()) << body;
  }
}

TEST(Alertmanager, AServerThatIsNotReadyHasTheRequestComeAgain) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), settings(host));
  host.fail(DISPATCH_EVENT_1, DISPATCH_ERR_UNAVAILABLE, "The database is not there.");
  EXPECT_EQ(plugin.deliver(webhook({alert("DiskFull", true)})).status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_TRUE(plugin.deliver(webhook({alert("DiskFull", true)})).ok());
  EXPECT_EQ(host.incidents.size(), 1U);
}

TEST(Alertmanager, SettingsThatContradictEachOtherAreRefused) {
  FakeHost host;
  const auto outcome =
      host.tryLoad(dispatch_plugin_query_v1(), settings(host, {{"minimum_severity", "catastrophic"}}));
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_NE(outcome.message.find("minimum_severity"), std::string::npos);
}

}  // namespace
