#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::Json;

Json request(const std::string& title, const std::string& project = "Payments") {
  return {{"incident",
           {{"id", 12},
            {"name", "dispatch-default-payments-12"},
            {"title", title},
            {"project", project},
            {"weblink", "http://d/12"}}},
          {"reporter_email", "ada@example.com"}};
}

TEST(DispatchTicket, IsTheIncidentItself) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto outcome = plugin.invoke("create", request("Checkout answers 503"));
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"resource_id", "dispatch-default-payments-12"},
                                 {"weblink", "http://d/12"},
                                 {"resource_type", "dispatch-internal-ticket"}}));
}

TEST(DispatchTicket, CreatingAgainGivesTheSameAndSaysSo) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  EXPECT_EQ(plugin.effect("create"), DISPATCH_EFFECT_IDEMPOTENT);
  EXPECT_EQ(plugin.effect("find"), DISPATCH_EFFECT_READ);
  const auto first = plugin.invoke("create", request("t"));
  EXPECT_EQ(first.value, plugin.invoke("create", request("t")).value);
  auto found = plugin.invoke("find", request("t")).value;
  EXPECT_EQ(found["found"], true);
  found.erase("found");
  EXPECT_EQ(found, first.value);
}

TEST(DispatchTicket, ReadableKeysAreSlugsThatEndInTheNumber) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1(), {{"use_incident_name", true}});
  const auto key = [&](const std::string& title, const std::string& project = "Payments") {
    return plugin.invoke("create", request(title, project)).value["resource_id"].get<std::string>();
  };
  EXPECT_EQ(key("Checkout answers 503!"), "payments-checkout-answers-503-12");
  EXPECT_EQ(key("--  --"), "payments-12");
  EXPECT_EQ(key("\xF0\x9F\x94\xA5", "\xE2\x82\xAC"), "incident-12");
  const std::string longKey = key(std::string(5000, 'x'));
  EXPECT_LE(longKey.size(), 120U);
  EXPECT_TRUE(longKey.ends_with("x-12"));
}

TEST(DispatchTicket, UpdateAndDeleteSucceed) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  Json update = request("t");
  update["ticket"] = {{"resource_id", "dispatch-default-payments-12"}};
  EXPECT_EQ(plugin.invoke("update", update).value, Json::object());
  EXPECT_TRUE(
      plugin.invoke("update_metadata", {{"ticket", update["ticket"]}, {"metadata", Json::object()}}).ok());
  EXPECT_TRUE(plugin.invoke("delete", {{"ticket", update["ticket"]}}).ok());
}

TEST(DispatchTicket, RefusesWhatItCannotRead) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  EXPECT_EQ(plugin.invokeText("create", "{garbled").status, DISPATCH_ERR_INVALID);
  EXPECT_EQ(plugin.invoke("create", Json::object()).status, DISPATCH_ERR_INVALID);
  const auto outcome = plugin.invoke("explode", Json::object());
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNSUPPORTED);
  EXPECT_EQ(outcome.message, "This plugin has no method \"explode\".");
  EXPECT_EQ(host.tryLoad(dispatch_plugin_query_v1(), {{"use_incident_name", "yes"}}).message,
            "Setting \"use_incident_name\" should be true or false, but is string.");
}

}  // namespace
