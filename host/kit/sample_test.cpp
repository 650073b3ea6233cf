#include "kit/sample.hpp"
#include "plugin/plugin.hpp"

#include <gtest/gtest.h>

namespace dispatch::kit {
namespace {

const Json schema = Json::parse(R"({
  "type": "object", "additionalProperties": false, "required": ["url", "port", "mode", "token", "people"],
  "properties": {
    "url": {"type": "string", "format": "uri"},
    "port": {"type": "integer", "minimum": 10},
    "mode": {"type": "string", "enum": ["tls", "plain"]},
    "token": {"type": "string", "minLength": 40, "x-dispatch-secret": true, "format": "password", "writeOnly": true},
    "people": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "email"}},
    "name": {"type": "string"}
  }})");

TEST(Sample, IsValidAndHasWhatIsRequired) {
  const auto sample = sampleOf(schema);
  EXPECT_TRUE(plugin::validate(schema, sample).empty()) << sample;
  EXPECT_FALSE(sample.contains("name"));
  EXPECT_EQ(sample.at("port"), 10);
  EXPECT_TRUE(sampleOf(schema, SampleMembers::all).contains("name"));
}

TEST(Sample, ReachesNobody) { EXPECT_EQ(sampleOf(schema).at("url"), "https://check.invalid"); }

TEST(Sample, HasSecretsThatNothingElseIs) {
  const auto first = sampleOf(schema), second = sampleOf(schema);
  EXPECT_NE(first.at("token"), second.at("token"));
  EXPECT_EQ(secretsIn(schema, first), std::vector<std::string>{first.at("token").get<std::string>()});
}

}  // namespace
}  // namespace dispatch::kit
