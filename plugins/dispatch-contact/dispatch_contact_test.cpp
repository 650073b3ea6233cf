#include <dispatch/testing.hpp>

#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::Json;

TEST(DispatchContact, AnswersWhatTheDirectoryKnows) {
  FakeHost host;
  host.directory["individuals"] = {
      {{"id", 1}, {"name", "Ada Lovelace"}, {"email", "ada@example.com"}, {"team", "Analytics"}},
      {{"id", 2}, {"name", "Grace Hopper"}, {"email", "grace@example.com"}}};
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto outcome = plugin.invoke("get", {{"email", " Ada@Example.com "}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["fullname"], "Ada Lovelace");
  EXPECT_EQ(outcome.value["email"], "Ada@Example.com");
  EXPECT_EQ(outcome.value["team"], "Analytics");
  EXPECT_EQ(outcome.value["department"], "Unknown");
  EXPECT_EQ(outcome.value["location"], "Unknown");
  EXPECT_EQ(plugin.effect("get"), DISPATCH_EFFECT_READ);
}

TEST(DispatchContact, NamesAStrangerAfterTheAddress) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  const auto name = [&](const std::string& email) {
    return plugin.invoke("get", {{"email", email}}).value["fullname"].get<std::string>();
  };
  EXPECT_EQ(name("grace.hopper@example.com"), "Grace Hopper");
  EXPECT_EQ(name("grace_b-hopper+pager@example.com"), "Grace B Hopper");
  EXPECT_EQ(name("ada@example.com"), "Ada");
  EXPECT_EQ(name("...@example.com"), "...@example.com");
  EXPECT_EQ(name("+x@example.com"), "+x");
  EXPECT_EQ(name("no-at-sign"), "No At Sign");
}

TEST(DispatchContact, PassesOnWhyTheDirectoryFailed) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  host.fail("dispatch.directory/1", DISPATCH_ERR_UNAVAILABLE, "The database is restarting.");
  const auto outcome = plugin.invoke("get", {{"email", "a@b.c"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(outcome.message, "The database is restarting.");
  EXPECT_TRUE(plugin.invoke("get", {{"email", "a@b.c"}}).ok());
}

TEST(DispatchContact, RefusesAnEmptyAddress) {
  FakeHost host;
  auto plugin = host.load(dispatch_plugin_query_v1());
  EXPECT_EQ(plugin.invoke("get", {{"email", "  "}}).status, DISPATCH_ERR_INVALID);
}

}  // namespace
