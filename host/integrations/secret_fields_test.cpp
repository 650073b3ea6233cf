#include "integrations/secret_fields.hpp"

#include "base/problem.hpp"

#include <gtest/gtest.h>

namespace dispatch::integrations {

namespace {

const Json schema = Json::parse(R"({
  "type": "object",
  "properties": {
    "host": {"type": "string"},
    "port": {"type": "integer"},
    "api-key": {"type": "string", "x-dispatch-secret": true},
    "token": {"type": "string", "x-dispatch-secret": true},
    "accounts": {"type": "array", "items": {"type": "object", "properties": {
      "name": {"type": "string"}, "pass/word": {"type": "string", "x-dispatch-secret": true}}}}
  }})");

const config::Envelope envelope(config::SecretText("a key of more than thirty-two characters"));

Json stored() {
  Json value = {{"host", "a"}, {"token", "t0ken"}, {"accounts", {{{"name", "n"}, {"pass/word", "deep"}}}}};
  sealSecrets(schema, value, envelope, 7);
  return value;
}

TEST(SecretFields, SealAtEveryDepthAndNothingElse) {
  const Json value = stored();
  EXPECT_EQ(value["host"], "a");
  EXPECT_TRUE(config::Envelope::isSealed(value["token"].get<std::string>()));
  EXPECT_TRUE(config::Envelope::isSealed(value["accounts"][0]["pass/word"].get<std::string>()));
  EXPECT_EQ(value.dump().find("t0ken"), std::string::npos);
  Json open = value;
  openSecrets(schema, open, envelope, 7);
  EXPECT_EQ(open["token"], "t0ken");
  EXPECT_EQ(open["accounts"][0]["pass/word"], "deep");
}

TEST(SecretFields, AreMaskedWhenSetAndEmptyWhenNot) {
  const Json shown = masked(schema, stored());
  EXPECT_EQ(shown["token"], maskedSecret);
  EXPECT_EQ(shown["api-key"], "");
  EXPECT_EQ(shown["accounts"][0]["pass/word"], maskedSecret);
  EXPECT_EQ(shown["host"], "a");
}

TEST(SecretFields, SurviveAFormSavedUntouched) {
  const Json before = stored();
  const Json after = merged(schema, before, masked(schema, before));
  EXPECT_EQ(after["token"], before["token"]);
  EXPECT_EQ(after["accounts"][0]["pass/word"], before["accounts"][0]["pass/word"]);
}

TEST(SecretFields, AreKeptWhenAbsentReplacedWhenGivenClearedWhenEmpty) {
  const Json before = stored();
  EXPECT_EQ(merged(schema, before, {{"host", "b"}})["token"], before["token"]);
  EXPECT_EQ(merged(schema, before, {{"token", "new"}})["token"], "new");
  EXPECT_EQ(merged(schema, before, {{"token", ""}})["token"], "");
  EXPECT_FALSE(merged(schema, before, {{"token", "x"}}).contains("host"));
}

TEST(SecretFields, AMaskWithoutAStoredSecretIsEmptyNotAsterisks) {
  EXPECT_EQ(merged(schema, Json::object(), {{"token", maskedSecret}})["token"], "");
}

TEST(SecretFields, FromTheEnvironmentTakeTheSchemasType) {
  EXPECT_EQ(fromText(schema["properties"]["port"], "587", "X"), Json(587));
  EXPECT_EQ(fromText({{"type", "boolean"}}, "Yes", "X"), Json(true));
  EXPECT_EQ(fromText({{"type", "array"}}, R"(["a"])", "X"), Json({"a"}));
  EXPECT_EQ(fromText({{"type", "array"}}, "a.example, b.example", "X"), Json({"a.example", "b.example"}));
  EXPECT_EQ(fromText({{"type", "array"}}, "", "X"), Json::array());
  EXPECT_THROW(fromText(schema["properties"]["port"], "58x", "X"), Problem);
  EXPECT_EQ(propertyFor(schema, "API_KEY"), "api-key");
  EXPECT_EQ(propertyFor(schema, "nothing"), "");
}

TEST(SecretFields, AWrongSecretIsNotQuotedInTheRefusal) {
  try {
    fromText({{"type", "integer"}, {"x-dispatch-secret", true}}, "hunter2", "DISPATCH_PLUGIN_X_PIN");
    FAIL();
  } catch (const Problem& problem) {
    EXPECT_EQ(std::string(problem.what()).find("hunter2"), std::string::npos);
    EXPECT_NE(std::string(problem.what()).find("DISPATCH_PLUGIN_X_PIN"), std::string::npos);
  }
}

}  // namespace

}  // namespace dispatch::integrations
