#include "kit/replay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dispatch::kit {
namespace {

using plugin::Effect;
using testing::Fault;
using ::testing::HasSubstr;
using State = Verdict::State;

class ReplayVerdict : public ::testing::Test {
 protected:
  ReplayVerdict() {
    recording.name = "create.har";
    recording.exchanges.push_back(
        {{"POST", "https://t.example/tickets", {}, "{}"}, {201, R"({"key": "T-1"})"}});
    recording.call = {
        "create", Json::object(), Json::object(), "", {{"status", "OK"}, {"answer", {{"id", "T-1"}}}}};
    run.ended = run.askedForBroken = true;
    run.timeoutMs = 20'000;
    run.milliseconds = 5;
    run.effect = Effect::findable;
    ok({{"id", "T-1"}});
  }
  void ok(Json value) {
    run.outcome = {};
    run.outcome.status = DISPATCH_OK;
    run.outcome.value = std::move(value);
  }
  void failed(dispatch_status status, const std::string& message = "The tracker did not answer.",
              std::uint32_t retryAfterMs = 0) {
    run.outcome = {};
    run.outcome.status = status;
    run.outcome.message = message;
    run.outcome.retryAfterMs = retryAfterMs;
  }
  Verdict broken(Fault fault) const { return judgeBroken(recording, {1, fault}, run); }
  State stateOf(Fault fault, dispatch_status status) {
    failed(status);
    return broken(fault).state;
  }

  testing::Recording recording;
  Replayed run;
};

TEST_F(ReplayVerdict, AsRecordedIsGoodAndWhatWasNotAskedForIsTold) {
  EXPECT_EQ(judgeReplay(recording, run).sentence, "As recorded, with 1 exchange.");
  run.unasked = {"number 1, POST https://t.example/tickets"};
  const auto verdict = judgeReplay(recording, run);
  EXPECT_EQ(verdict.state, State::ok);
  EXPECT_THAT(verdict.sentence, HasSubstr("Recorded and not asked for: number 1, POST"));
}

TEST_F(ReplayVerdict, ADifferenceFromTheRecordingFails) {
  run.unexpected = {"GET https://t.example/ was asked for, which create.har has not."};
  EXPECT_EQ(judgeReplay(recording, run).state, State::failed);
  run.unexpected.clear();
  ok({{"id", "T-2"}});
  EXPECT_THAT(judgeReplay(recording, run).sentence, HasSubstr("id is \"T-2\", recorded is \"T-1\""));
  recording.call.expected["answer"]["id"] = "*";
  EXPECT_EQ(judgeReplay(recording, run).state, State::ok);
  failed(DISPATCH_ERR_DENIED, "No.");
  EXPECT_THAT(judgeReplay(recording, run).sentence, HasSubstr("It ends as DENIED: No.; recorded is OK"));
  run.ended = false;
  run.end = "crashed by signal 6 (Aborted).";
  EXPECT_EQ(judgeReplay(recording, run).sentence, "The plugin crashed by signal 6 (Aborted).");
}

TEST_F(ReplayVerdict, AnAnswerAsIfNothingHadHappenedFails) {
  for (const auto fault : testing::allFaults) {
    if (fault == Fault::notJson) continue;
    EXPECT_THAT(broken(fault).sentence, HasSubstr("as if nothing had happened"));
  }
  ok({{"id", "nothing"}});
  EXPECT_EQ(broken(Fault::notJson).state, State::failed);
}

TEST_F(ReplayVerdict, WhoNeverReadsABodyMayMissThatItIsNoJson) {
  EXPECT_EQ(broken(Fault::notJson).sentence, "It does not read the body of this answer.");
}

TEST_F(ReplayVerdict, AnOptionalExchangeMayFail) {
  recording.exchanges[0].optional = true;
  EXPECT_EQ(broken(Fault::serverError).state, State::ok);
}

TEST_F(ReplayVerdict, AReportOrADenialIsAGoodEnd) {
  recording.call.method = "test";
  ok({{"ok", false}, {"summary", "No."}});
  EXPECT_EQ(broken(Fault::refused).state, State::ok);
  ok({{"ok", true}});
  EXPECT_EQ(broken(Fault::refused).state, State::failed);
  recording.call.method = "authenticate";
  ok({{"kind", "deny"}});
  EXPECT_EQ(broken(Fault::serverError).state, State::ok);
  ok({{"kind", "identity"}});
  EXPECT_EQ(broken(Fault::serverError).state, State::failed);
}

TEST_F(ReplayVerdict, ACrashAHangAndSilenceFail) {
  failed(DISPATCH_ERR_INTERNAL, "a defect of the plugin");
  EXPECT_EQ(broken(Fault::refused).state, State::failed);
  failed(DISPATCH_ERR_UNAVAILABLE, "no");
  EXPECT_THAT(broken(Fault::refused).sentence, HasSubstr("no sentence for a person"));
  failed(DISPATCH_ERR_TIMEOUT);
  run.milliseconds = 20'100;
  EXPECT_THAT(broken(Fault::timeout).sentence, HasSubstr("was ended by its deadline only"));
  run.ended = false;
  run.end = "did not end within 30000 ms and was killed.";
  EXPECT_THAT(broken(Fault::timeout).sentence, HasSubstr("did not end within"));
}

TEST_F(ReplayVerdict, WhatWasNeverSentIsTriedAgain) {
  EXPECT_EQ(stateOf(Fault::refused, DISPATCH_ERR_UNAVAILABLE), State::ok);
  EXPECT_EQ(stateOf(Fault::refused, DISPATCH_ERR_INVALID), State::failed);
}

TEST_F(ReplayVerdict, WhatMayHaveHadItsEffectIsNotRepeatedBlindly) {
  for (const auto effect : {Effect::findable, Effect::atMostOnce})
    for (const auto fault : {Fault::timeout, Fault::serverError, Fault::cutShort, Fault::notJson}) {
      run.effect = effect;
      EXPECT_EQ(stateOf(fault, DISPATCH_ERR_UNCERTAIN), State::ok);
      EXPECT_EQ(stateOf(fault, DISPATCH_ERR_UNAVAILABLE), State::failed);
      EXPECT_THAT(broken(fault).sentence, HasSubstr("Throw Failure::uncertain."));
    }
  recording.exchanges[0].reads = true;
  EXPECT_EQ(stateOf(Fault::serverError, DISPATCH_ERR_UNAVAILABLE), State::ok);
  recording.exchanges[0].reads = false;
  run.effect = Effect::idempotent;
  EXPECT_EQ(stateOf(Fault::serverError, DISPATCH_ERR_UNAVAILABLE), State::ok);
}

TEST_F(ReplayVerdict, AnEarlierEffectCountsToo) {
  run.actedBefore = true;
  EXPECT_EQ(stateOf(Fault::refused, DISPATCH_ERR_UNCERTAIN), State::ok);
  EXPECT_EQ(stateOf(Fault::refused, DISPATCH_ERR_UNAVAILABLE), State::failed);
  EXPECT_THAT(broken(Fault::refused).sentence, HasSubstr("a request before it may have had its effect"));
}

TEST_F(ReplayVerdict, RetryAfterIsPassedOn) {
  failed(DISPATCH_ERR_UNAVAILABLE, "Slow down.", 7000);
  EXPECT_EQ(broken(Fault::tooManyRequests).state, State::ok);
  failed(DISPATCH_ERR_UNAVAILABLE, "Slow down.", 1000);
  EXPECT_THAT(broken(Fault::tooManyRequests).sentence, HasSubstr("asked to come back in 7000 ms"));
  failed(DISPATCH_ERR_UNAVAILABLE, "Slow down.");
  EXPECT_EQ(broken(Fault::serverError).state, State::failed);
}

TEST_F(ReplayVerdict, WhatTheCallDoesNotAskForIsSkipped) {
  run.askedForBroken = false;
  EXPECT_EQ(broken(Fault::refused).state, State::skipped);
}

}  // namespace
}  // namespace dispatch::kit
