#include "room.hpp"

#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::HttpAnswer;
using dispatch::testing::HttpCall;
using dispatch::testing::Json;
using dispatch::testing::Outcome;
using testing::HasSubstr;
using testing::MatchesRegex;

class Jitsi : public testing::Test {
 protected:
  Jitsi() {
    settings = {{"url", "https://meet.example.com"}, {"room_secret", host.secret("a secret of the rooms")}};
    host.onHttp = [this](const HttpCall&) { return answer; };
  }
  Outcome create(const std::string& name = "dispatch-default-default-12", int id = 12,
                 const std::string& title = "Checkout answers 503") {
    return host.load(dispatch_plugin_query_v1(), settings)
        .invoke("create", {{"incident", {{"id", id}, {"name", name}, {"title", title}}},
                           {"participants", Json::array()}});
  }
  std::string room(const std::string& name = "dispatch-default-default-12", int id = 12,
                   const std::string& title = "Checkout answers 503") {
    const Outcome outcome = create(name, id, title);
    EXPECT_TRUE(outcome.ok()) << outcome.message;
    return outcome.value.value("resource_id", "");
  }
  Outcome test() { return host.load(dispatch_plugin_query_v1(), settings).test(); }
  std::string refusal() {
    const Outcome outcome = host.tryLoad(dispatch_plugin_query_v1(), settings);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
    return outcome.message;
  }

  FakeHost host;
  Json settings;
  HttpAnswer answer{200, "var config = { hosts: { domain: 'meet.example.com' } };"};
};

TEST_F(Jitsi, ARoomHasAnAddressAndAsksNobody) {
  const Outcome outcome = create();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  const auto name = outcome.value["resource_id"].get<std::string>();
  EXPECT_THAT(name, MatchesRegex("dispatch-default-default-12-[a-z2-7]{20}"));
  EXPECT_EQ(outcome.value, (Json{{"resource_id", name},
                                 {"weblink", "https://meet.example.com/" + name},
                                 {"resource_type", "jitsi-room"}}));
  EXPECT_TRUE(host.httpCalls.empty());
}

TEST_F(Jitsi, TheSameIncidentHasTheSameRoom) {
  EXPECT_EQ(host.load(dispatch_plugin_query_v1(), settings).effect("create"), DISPATCH_EFFECT_IDEMPOTENT);
  EXPECT_EQ(room(), room());
  EXPECT_EQ(room("n", 1, "one title"), room("n", 1, "another"));
}

TEST_F(Jitsi, ADigestThatTheHostMakesWithTheSecretNamesTheRoom) {
  // printf 'jitsi room\n12\ndispatch-default-default-12' | openssl dgst -sha256 -hmac 'a secret of the rooms'
  // -binary | base32 | tr A-Z a-z | cut -c 1-20
  EXPECT_EQ(room(), "dispatch-default-default-12-godeskqnhwvhmhuw7eok");
}

TEST_F(Jitsi, WithoutTheSecretTheRoomIsAnother) {
  const std::string one = room();
  settings["room_secret"] = host.secret("a secret of the rooms.");
  EXPECT_NE(room(), one);
}

TEST_F(Jitsi, EachIncidentHasARoomOfItsOwn) {
  settings["room_pattern"] = "{suffix}";
  EXPECT_NE(room("a", 1), room("a", 2));
  EXPECT_NE(room("a", 1), room("b", 1));
  // Nothing of one part passes for the other.
  EXPECT_NE(room("2\nb", 1), room("b", 12));
}

TEST_F(Jitsi, ThePatternSaysHowARoomIsCalled) {
  settings["room_pattern"] = "Ops_{id}-{suffix}-{name}";
  EXPECT_THAT(room("acme-web-7", 7), MatchesRegex("Ops_7-[a-z2-7]{20}-acme-web-7"));
}

TEST_F(Jitsi, NoNameLeavesItsSegmentOfTheAddress) {
  EXPECT_THAT(room("a/../b?c#d e{id}\xC3\xBC", 1), MatchesRegex("a----b-c-d-e-id----[a-z2-7]{20}"));
}

TEST_F(Jitsi, AServerWithATenantOrASlash) {
  settings["url"] = "https://meet.example.com/ops/";
  const Outcome outcome = create();
  EXPECT_EQ(outcome.value["weblink"],
            "https://meet.example.com/ops/" + outcome.value["resource_id"].get<std::string>());
}

TEST_F(Jitsi, ThePublicServerIfNoneIsNamed) {
  settings.erase("url");
  EXPECT_THAT(create().value["weblink"].get<std::string>(),
              testing::StartsWith("https://meet.jit.si/dispatch-"));
}

TEST_F(Jitsi, TheNoteIsTheChallenge) {
  settings["challenge"] = "ask the desk, 4711";
  EXPECT_EQ(create().value["challenge"], "ask the desk, 4711");
}

TEST_F(Jitsi, AHostThatMakesNoDigestLeavesNoRoomThatCouldBeGuessed) {
  host.withhold("dispatch.crypto/1");
  const Outcome outcome = create();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNSUPPORTED);
  EXPECT_THAT(outcome.message, HasSubstr("dispatch.crypto/1"));
}

TEST_F(Jitsi, RefusesSettingsThatCannotWork) {
  for (const char* url : {"ftp://x", "https://", "https://a b", "x", "https://a?b", "https://a#b"}) {
    settings["url"] = url;
    EXPECT_THAT(refusal(), HasSubstr("\"url\"")) << url;
  }
  settings["url"] = "https://meet.example.com";
  for (const char* pattern : {"", "{name}", "room", "{suffix}{suffix}", "a/{suffix}", "{title}-{suffix}",
                              "{suffix} b", "{suffix"}) {
    settings["room_pattern"] = pattern;
    EXPECT_THAT(refusal(), HasSubstr("\"room_pattern\"")) << pattern;
  }
  settings.erase("room_pattern");
  settings.erase("room_secret");
  EXPECT_THAT(refusal(), HasSubstr("\"room_secret\" is missing"));
}

TEST_F(Jitsi, TestAsksForTheServersSettingsOnly) {
  const Outcome outcome = test();
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.value["ok"], true) << outcome.value;
  ASSERT_EQ(host.httpCalls.size(), 1U);
  EXPECT_EQ(host.httpCalls[0].method, "GET");
  EXPECT_EQ(host.httpCalls[0].url, "https://meet.example.com/config.js");
  EXPECT_THAT(outcome.value["checks"][1]["detail"].get<std::string>(),
              MatchesRegex(".*https://meet.example.com/dispatch-default-default-0-[a-z2-7]{20}\\."));
}

TEST_F(Jitsi, TestSaysWhatIsWrong) {
  const auto verdict = [&](HttpAnswer given) {
    answer = std::move(given);
    const Outcome outcome = test();
    EXPECT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value["ok"], false);
    return outcome.value["summary"].get<std::string>();
  };
  EXPECT_THAT(verdict({200, "<html>Welcome</html>"}),
              HasSubstr("\"<html>Welcome</html>\". Check \"Server URL\""));
  EXPECT_THAT(verdict({404, ""}), HasSubstr("HTTP 404, so there is no Jitsi Meet server"));
  for (const int status : {401, 403, 407}) EXPECT_THAT(verdict({status, ""}), HasSubstr("wants a login"));
  for (const int status : {429, 500, 503}) EXPECT_THAT(verdict({status, ""}), HasSubstr("Test again later"));
  EXPECT_THAT(verdict({302, "", {{"Location", "https://new.example.com/"}}}),
              HasSubstr("https://new.example.com/"));
  EXPECT_THAT(verdict(HttpAnswer::failed(DISPATCH_ERR_DENIED, "Not granted.")), HasSubstr("Not granted."));
  answer = {200, "var config = { hosts: {} };"};
  host.withhold("dispatch.crypto/1");
  EXPECT_THAT(test().value["summary"].get<std::string>(), HasSubstr("Check \"Room secret\""));
}

TEST_F(Jitsi, AsksAsItsRecordingSays) {
  FakeHost replaying;
  auto& recorded = replaying.replay(DISPATCH_RECORDINGS "/test.har");
  const Outcome outcome = replaying.callRecorded(dispatch_plugin_query_v1());
  EXPECT_EQ(outcome.value["checks"][0], recorded.recording().call.expected["answer"]["checks"][0]);
  EXPECT_EQ(outcome.value["ok"], true) << outcome.value;
  EXPECT_THAT(recorded.unexpected(), testing::IsEmpty());
  EXPECT_THAT(recorded.unasked(), testing::IsEmpty());
}

TEST(Room, TheSuffixIsBase32) {
  // RFC 4648 section 10: BASE32("foobar") begins with MZXW6YTB.
  EXPECT_EQ(jitsi::suffixOf("foobarfoobarf").substr(0, 8), "mzxw6ytb");
  EXPECT_EQ(jitsi::suffixOf(std::string(32, '\xFF')), std::string(20, '7'));
}

}  // namespace
