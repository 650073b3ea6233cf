#include "flow/definition.hpp"

#include "base/base.hpp"

#include <gtest/gtest.h>

namespace dispatch::flow {
namespace {

Json twoSteps() {
  return Json::parse(R"({"kind": "k", "title": "K", "steps": [
    {"key": "a", "title": "A"}, {"key": "b", "title": "B", "plugin": "email", "method": "send", "needs": ["a"]}]})");
}

std::string refusal(const Json& json) {
  try {
    Definition::parse(json);
  } catch (const Problem& problem) {
    return problem.what();
  }
  return "";
}

TEST(Definition, SurvivesItsOwnForm) {
  const Definition definition = Definition::parse(twoSteps());
  EXPECT_EQ(definition.toJson(), twoSteps());
  EXPECT_EQ(Definition::parse(definition.toJson()).digest(), definition.digest());
}

TEST(Definition, DigestTellsEveryChange) {
  Json other = twoSteps();
  other["steps"][1]["needs"] = Json::array();
  other["steps"][1]["wants"] = {"a"};
  EXPECT_NE(Definition::parse(other).digest(), Definition::parse(twoSteps()).digest());
}

TEST(Definition, RefusesACircleByName) {
  Json circle = twoSteps();
  circle["steps"][0]["wants"] = {"b"};
  EXPECT_NE(refusal(circle).find("waits for itself"), std::string::npos) << refusal(circle);
}

TEST(Definition, RefusesWhatItDoesNotKnowNamingIt) {
  Json json = twoSteps();
  json["steps"][1]["needs"] = {"c"};
  EXPECT_NE(refusal(json).find("'c', which is no step"), std::string::npos) << refusal(json);
  json = twoSteps();
  json["steps"][0]["retries"] = 3;
  EXPECT_NE(refusal(json).find("unknown member 'retries'"), std::string::npos) << refusal(json);
  json = twoSteps();
  json["steps"][1]["key"] = "a";
  EXPECT_NE(refusal(json).find("'a' appears twice"), std::string::npos) << refusal(json);
  json = twoSteps();
  json["steps"][0]["method"] = "send";
  EXPECT_NE(refusal(json).find("no plugin type"), std::string::npos) << refusal(json);
  json = twoSteps();
  json["steps"][0]["key"] = "a/b";
  EXPECT_NE(refusal(json).find("must not contain"), std::string::npos) << refusal(json);
  EXPECT_NE(refusal(Json::array()).find("must be an object"), std::string::npos);
}

}  // namespace
}  // namespace dispatch::flow
