#include "base/problem.hpp"
#include "plugin/instance.hpp"
#include "plugin/package/json_schema.hpp"

#include <gmock/gmock.h>

namespace dispatch::plugin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Json schema = Json::parse(R"({
  "type": "object", "additionalProperties": false, "required": ["host"],
  "properties": {
    "host": {"type": "string", "minLength": 1},
    "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 587},
    "security": {"type": "string", "enum": ["starttls", "tls"], "default": "starttls"},
    "from": {"type": "string", "format": "email"},
    "url": {"type": "string", "format": "uri"},
    "note": {"type": "string", "pattern": "^[a-z]*$"},
    "password": {"type": "string", "x-dispatch-secret": true, "minLength": 3},
    "accounts": {"type": "array", "items": {"type": "object", "properties": {
      "name": {"type": "string"}, "token": {"type": "string", "x-dispatch-secret": true}}}},
    "nested": {"type": "object", "properties": {"key": {"type": "string", "x-dispatch-secret": true}}}
  }})");

std::vector<std::string> said(const Json& value) {
  std::vector<std::string> lines;
  for (const auto& violation : validate(schema, value))
    lines.push_back(placeText(violation.location) + ": " + violation.message);
  return lines;
}

TEST(Configuration, EveryViolationHasItsOwnPlaceAndSentenceSorted) {
  const auto lines =
      said(Json::parse(R"({"port": 70000, "security": "none", "colour": 1, "from": "me", "url": "x y"})"));
  EXPECT_THAT(lines,
              ::testing::ElementsAre(HasSubstr("colour: is not known here; known are accounts, from, host"),
                                     "from: must be an e-mail address", "host: is required",
                                     "port: must be between 1 and 65535, but is 70000",
                                     "security: must be one of \"starttls\", \"tls\", but is \"none\"",
                                     HasSubstr("url: must be a URL")));
}

TEST(Configuration, WrongTypeNamesBoth) {
  EXPECT_THAT(said({{"host", "a"}, {"port", "25"}}),
              ::testing::ElementsAre("port: must be a whole number, but is text"));
  EXPECT_THAT(said({{"host", 1}}), ::testing::ElementsAre("host: must be text, but is a whole number"));
}

TEST(Configuration, PlacesInListsAreNumbers) {
  EXPECT_THAT(said({{"host", "a"}, {"accounts", {{{"name", 1}}}}}),
              ::testing::ElementsAre("accounts.0.name: must be text, but is a whole number"));
}

TEST(Configuration, LongTextUnderAPatternIsRefusedNotRecursedInto) {
  EXPECT_THAT(said({{"host", "a"}, {"note", std::string(1000000, 'a')}}),
              ::testing::ElementsAre("note: is longer than 4096 bytes"));
  EXPECT_THAT(said({{"host", "a"}, {"note", "A"}}),
              ::testing::ElementsAre("note: must match the pattern ^[a-z]*$"));
}

TEST(Configuration, DefaultsAreFilledIn) {
  const auto made = makeConfiguration(schema, {{"host", "a"}}, 3);
  EXPECT_EQ(made.value["port"], 587);
  EXPECT_EQ(made.value["security"], "starttls");
  EXPECT_EQ(made.revision, 3u);
}

TEST(Configuration, SecretsAreTakenOutAtEveryDepth) {
  const auto made = makeConfiguration(
      schema, Json::parse(R"({"host": "a", "password": "pass-word", "nested": {"key": "deep-key"},
    "accounts": [{"name": "x", "token": "token-one"}, {"token": "token-two"}]})"),
      1);
  EXPECT_EQ(made.secrets.size(), 4u);
  const auto text = made.value.dump();
  for (const auto* secret : {"pass-word", "deep-key", "token-one", "token-two"})
    EXPECT_THAT(text, Not(HasSubstr(secret)));
  const auto handle = made.value["accounts"][1]["token"]["$secret"].get<std::uint32_t>();
  EXPECT_EQ(made.secrets.at(handle).reveal(), "token-two");
}

TEST(Configuration, HandlesAreNeverUsedTwice) {
  const Json plain{{"host", "a"}, {"password", "pass-word"}};
  const auto first = makeConfiguration(schema, plain, 1), second = makeConfiguration(schema, plain, 2);
  EXPECT_NE(first.value["password"]["$secret"], second.value["password"]["$secret"]);
}

TEST(Configuration, EmptyOptionalSecretIsAbsent) {
  const auto made = makeConfiguration(schema, {{"host", "a"}, {"password", ""}, {"from", ""}}, 1);
  EXPECT_FALSE(made.value.contains("password"));
  EXPECT_FALSE(made.value.contains("from"));
  EXPECT_TRUE(made.secrets.empty());
}

TEST(Configuration, RefusalNamesThePlaceAndNeverASecret) {
  try {
    makeConfiguration(schema, {{"host", "a"}, {"password", "xy"}, {"port", 0}}, 1);
    FAIL() << "not refused";
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.location(), std::vector<std::string>{"password"});
    EXPECT_THAT(problem.what(), HasSubstr("password must have at least 3 characters"));
    EXPECT_THAT(problem.what(), HasSubstr("port must be between 1 and 65535"));
    EXPECT_THAT(problem.what(), Not(HasSubstr("xy")));
  }
}

TEST(Configuration, SecretOfAnotherTypeIsRefusedWithoutItsValue) {
  try {
    makeConfiguration(schema, {{"host", "a"}, {"password", 918273645}}, 1);
    FAIL() << "not refused";
  } catch (const Problem& problem) {
    EXPECT_THAT(problem.what(), Not(HasSubstr("918273645")));
  }
}

TEST(Configuration, SchemaThatIsNoneIsAProblem) {
  EXPECT_THROW(validate(Json{{"type", 5}}, Json::object()), Problem);
  EXPECT_THROW(validate(Json::array(), Json::object()), Problem);
}

}  // namespace
}  // namespace dispatch::plugin
