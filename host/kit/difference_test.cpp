#include "kit/difference.hpp"

#include <gtest/gtest.h>

namespace dispatch::kit {
namespace {

using Kind = Change::Kind;
using plugin::Effect;

Json schema(const char* properties, const char* required = "[]") {
  return {{"type", "object"},
          {"additionalProperties", false},
          {"properties", Json::parse(properties)},
          {"required", Json::parse(required)}};
}

/// The one change of a schema, as "kind what".
std::string only(const Json& from, const Json& to) {
  const auto changes = compareSchemas(from, to);
  if (changes.size() != 1) return std::to_string(changes.size()) + " changes";
  return std::string(textOf(changes.front().kind)) + ' ' + changes.front().what;
}

TEST(Difference, ASettingThatIsGoneBreaks) {
  EXPECT_EQ(only(schema(R"({"url": {"type": "string"}})"), schema("{}")), "breaking setting url");
}

TEST(Difference, ASettingThatIsRequiredNowBreaksUnlessItHasADefault) {
  EXPECT_EQ(only(schema("{}"), schema(R"({"url": {"type": "string"}})", R"(["url"])")),
            "breaking setting url");
  EXPECT_EQ(only(schema("{}"), schema(R"({"url": {"type": "string", "default": "x"}})", R"(["url"])")),
            "compatible setting url");
  EXPECT_EQ(only(schema("{}"), schema(R"({"url": {"type": "string"}})")), "compatible setting url");
}

TEST(Difference, AnotherTypeOrSecretnessBreaks) {
  EXPECT_EQ(only(schema(R"({"port": {"type": "string"}})"), schema(R"({"port": {"type": "integer"}})")),
            "breaking setting port");
  EXPECT_EQ(only(schema(R"({"key": {"type": "string"}})"),
                 schema(R"({"key": {"type": "string", "x-dispatch-secret": true}})")),
            "breaking setting key");
}

TEST(Difference, TighterBoundsBreakAndWiderOnesDoNot) {
  const auto narrow = schema(R"({"n": {"type": "integer", "maximum": 10}})");
  const auto wide = schema(R"({"n": {"type": "integer", "maximum": 20}})");
  EXPECT_EQ(only(wide, narrow), "breaking setting n");
  EXPECT_TRUE(compareSchemas(narrow, wide).empty());
  EXPECT_EQ(only(schema(R"({"m": {"enum": ["a", "b"]}})"), schema(R"({"m": {"enum": ["a"]}})")),
            "breaking setting m");
  EXPECT_EQ(only(schema(R"({"m": {"enum": ["a"]}})"), schema(R"({"m": {"enum": ["a", "b"]}})")),
            "compatible setting m");
}

TEST(Difference, ManifestsBreakByIdTypeAndPermission) {
  plugin::Manifest from;
  from.id = "acme-jira", from.type = "ticket", from.abi = "1", from.version = "1.0.0";
  from.configurationSchema = schema("{}");
  auto to = from;
  EXPECT_EQ(compareManifests(from, to).at(0).kind, Kind::wrong) << "the version was not raised";
  to.version = "1.1.0";
  EXPECT_TRUE(compareManifests(from, to).empty());
  to.permissions = {{"http", {"api.example.com"}}};
  to.type = "email";
  const auto changes = compareManifests(from, to);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes.at(0).what, "type");
  EXPECT_EQ(changes.at(1).what, "permission http");
  EXPECT_EQ(compareManifests(to, from).back().kind, Kind::compatible) << "less is no trouble";
}

TEST(Difference, AMethodThatIsGoneOrWorseBreaks) {
  const std::vector<plugin::Instance::Method> from{{"create", Effect::idempotent, 1},
                                                   {"find", Effect::read, 1}};
  const std::vector<plugin::Instance::Method> to{{"create", Effect::atMostOnce, 1},
                                                 {"update", Effect::read, 1}};
  const auto changes = compareMethods(from, to);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes.at(0).kind, Kind::breaking);
  EXPECT_NE(changes.at(0).sentence.find("at-most-once now, it was idempotent"), std::string::npos);
  EXPECT_EQ(changes.at(1).kind, Kind::breaking);
  EXPECT_EQ(changes.at(2).kind, Kind::compatible);
}

TEST(Difference, BreakingNeedsAMajorVersion) {
  EXPECT_TRUE(announcesBreaking("1.4.2", "2.0.0"));
  EXPECT_FALSE(announcesBreaking("1.4.2", "1.5.0"));
  EXPECT_TRUE(announcesBreaking("0.4.2", "0.5.0"));
  EXPECT_FALSE(announcesBreaking("0.4.2", "0.4.3"));
}

}  // namespace
}  // namespace dispatch::kit
