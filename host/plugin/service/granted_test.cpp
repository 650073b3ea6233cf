#include "plugin/service/granted.hpp"

#include <gtest/gtest.h>

namespace dispatch::plugin {
namespace {

/// "kind asked: granted (note)", or "kind asked: nothing (note)".
std::vector<std::string> told(const std::string& type, const Json& permissions, const Json& configuration,
                              const Json& yaml = Json::object()) {
  Manifest manifest;
  manifest.id = "probe";
  manifest.type = type;
  manifest.permissions = permissions;
  std::vector<std::string> lines;
  for (const auto& row : describeGranted(manifest, configuration, yaml)) {
    const auto note = textOr(row, "note");
    lines.push_back(textOr(row, "kind") + ' ' + textOr(row, "asked") + ": " +
                    textOr(row, "granted", "nothing") + (note.empty() ? "" : " (" + note + ')'));
  }
  return lines;
}

const std::string ordinary =
    "dispatch.log/1, dispatch.clock/1, dispatch.crypto/1, dispatch.kv/1, dispatch.directory/1, "
    "dispatch.metric/1, "
    "dispatch.audit/1";

using Lines = std::vector<std::string>;

TEST(Granted, SaysWhatEachDestinationComesToUnderThisConfiguration) {
  const Json permissions{{"http", {"*.slack.com", {{"config", "url"}}, {{"config", "other"}}}},
                         {"stream", {{{"config", "host"}, {"port_config", "port"}}}}};
  const Json configuration{
      {"url", "http://jira.internal:8080/base"}, {"host", "Mail.Example.com"}, {"port", 587}};
  const auto lines = told("ticket", permissions, configuration);
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[0], "http *.slack.com: https://*.slack.com:443");
  EXPECT_EQ(lines[1], "http setting url: http://jira.internal:8080");
  EXPECT_EQ(lines[2], "http setting other: nothing (the setting is empty, or names no destination)");
  EXPECT_EQ(lines[3], "stream setting host, port of port: mail.example.com:587");
  EXPECT_EQ(
      lines[4],
      "private network : nothing (of the destinations above, those in private networks or on this machine "
      "need an entry under allow: in dispatch.yaml)");
}

TEST(Granted, SaysWhatTheOperatorAllowsBeyond) {
  const Json yaml{{"allow",
                   {{{"plugin", "probe"}, {"host", "10.0.0.0/8"}, {"port", 587}, {"untrusted_tls", true}},
                    {{"plugin", "another"}, {"host", "10.0.0.1"}},
                    {{"plugin", "*"}, {"host", "fd00::1"}}}}};
  const auto lines = told("ticket", {{"stream", {"mail.internal:587"}}}, Json::object(), yaml);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(
      lines[1],
      "private network : 10.0.0.0/8:587 (allow: in dispatch.yaml, for this plugin, with any certificate)");
  EXPECT_EQ(lines[2], "private network : [fd00::1] (allow: in dispatch.yaml, for every plugin)");
  // Who asks for no destination has none, whatever is allowed.
  EXPECT_EQ(told("ticket", Json::object(), Json::object(), yaml), Lines{"service : " + ordinary});
}

TEST(Granted, SaysWhichServicesProgramsAndEventsItHas) {
  const Json yaml{
      {"commands", {{{"plugin", "probe"}, {"name", "snapshot"}, {"run", {"/bin/true", "--token"}}}}}};
  const Json permissions{{"commands", {"snapshot", "other"}},
                         {"events", {"incident.report"}},
                         {"headers", {"X-User"}},
                         {"webhook", true},
                         {"services", {"dispatch.credential/1", "dispatch.moon/1"}}};
  EXPECT_EQ(
      told("ticket", permissions, Json::object(), yaml),
      (Lines{
          "command snapshot: /bin/true (commands: in dispatch.yaml)",
          "command other: nothing (dispatch.yaml says under commands: nothing of what it runs)",
          "event incident.report: incident.report",
          "header X-User: nothing (this server hands no headers of requests to plugins)",
          "webhook : requests of other systems, to an address of its own",
          "service dispatch.credential/1: nothing (it is not for plugins of the type ticket)",
          "service dispatch.moon/1: nothing (this server has no such service)",
          "service : dispatch.log/1, dispatch.clock/1, dispatch.crypto/1, dispatch.kv/1, "
          "dispatch.directory/1, dispatch.event/1, dispatch.metric/1, dispatch.exec/1, dispatch.audit/1"}));
  const auto provider = told("auth-provider", {{"services", {"dispatch.credential/1"}}}, Json::object());
  ASSERT_EQ(provider.size(), 1u);
  EXPECT_NE(provider[0].find("dispatch.credential/1"), std::string::npos);
}

}  // namespace
}  // namespace dispatch::plugin
