#include "plugin/service/denials.hpp"
#include "plugin/call/host_call.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>

namespace dispatch::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class DenialsTest : public ::testing::Test {
 protected:
  Scope scope{"probe", 7, 1, 1};
  testing::FakeOutside outside;
  std::unique_ptr<Denials> denials =
      std::make_unique<Denials>(scope, outside, Poco::Logger::get("dispatch.plugin.probe"), "probe 1.0.0");
};

TEST_F(DenialsTest, EachDifferentThingHasARowAtItsFirstTime) {
  for (int i = 0; i < 1000; ++i) denials->systemCall("pause");
  denials->systemCall("openat");
  denials->systemCall("execve");
  denials->service(DISPATCH_HTTP_1);
  denials->key("../8/secret");
  EXPECT_THAT(
      outside.audited(),
      ElementsAre(HasSubstr(R"({"system_call":"pause"})"), HasSubstr(R"({"system_call":"openat"})"),
                  HasSubstr(R"({"system_call":"execve"})"), HasSubstr(R"({"service":"dispatch.http/1"})"),
                  HasSubstr(R"({"key":"../8/secret","service":"dispatch.kv/1"})")));
}

TEST_F(DenialsTest, RepeatsAreOneRowAMinute) {
  const auto began = monotonicNs();
  denials->systemCall("pause", 5);
  denials->systemCall("pause");
  EXPECT_THAT(outside.audited(), SizeIs(1));
  const auto due = denials->checkDeadlines(began + 1);
  EXPECT_GE(due, began + Denials::intervalNs);
  EXPECT_EQ(denials->checkDeadlines(due), 0u) << "told: nothing is due any more";
  ASSERT_THAT(outside.audited(), SizeIs(2));
  EXPECT_THAT(outside.audited()[1], HasSubstr(R"({"seconds":60,"system_call":"pause","times":5})"));
  EXPECT_EQ(denials->checkDeadlines(due + 10 * Denials::intervalNs), 0u);
  EXPECT_THAT(outside.audited(), SizeIs(2)) << "a minute without one has no row";
}

TEST_F(DenialsTest, WhatIsLeftIsToldAtTheEnd) {
  denials->systemCall("pause");
  denials->systemCall("pause", 41);
  denials.reset();
  ASSERT_THAT(outside.audited(), SizeIs(2));
  EXPECT_THAT(outside.audited()[1], HasSubstr(R"("times":41)"));
}

TEST_F(DenialsTest, NamesThatAreMadeUpEndAtAThousand) {
  for (int i = 0; i < 5000; ++i) denials->systemCall("number " + std::to_string(i));
  EXPECT_THAT(outside.audited(), SizeIs(1001));
  EXPECT_THAT(outside.audited().back(), HasSubstr("others"));
}

}  // namespace
}  // namespace dispatch::plugin
