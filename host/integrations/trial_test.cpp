#include "integrations/trial.hpp"

#include "base/base.hpp"
#include "integrations/testing/fake_catalog.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace dispatch::integrations {

namespace {

using namespace std::chrono_literals;
using plugin::Effect;
using testing::answered;
using testing::FakeInstance;
using testing::FakePlugin;
using testing::fine;
using testing::refused;
using testing::within;
using Result = Trial::Result;

struct TrialTest : ::testing::Test {
  FakePlugin before, next;
  std::atomic<int> toBefore{0}, toNext{0};
  std::atomic<int> seconds{0};  ///< since the trial began
  std::atomic<int> dice{99};    ///< 0: the new version gets the call, 99: the other
  std::shared_ptr<FakeInstance> serving, tried;
  std::unique_ptr<Trial> trial;

  void SetUp() override {
    const std::vector<plugin::Instance::Method> methods{{"get", Effect::read, 1},
                                                        {"create", Effect::idempotent, 1}};
    before.methods = next.methods = methods;
    before.installed.manifest.version = "1.0.0";
    next.installed.manifest.version = "1.1.0";
    next.installed.manifest.maxConcurrency = 4;
    before.invoke = answering(toBefore, answered({{"by", "plugin"}}));
    next.invoke = answering(toNext, answered({{"by", "plugin"}}));
  }

  using Invoke = decltype(FakePlugin::invoke);
  static Invoke answering(std::atomic<int>& calls, const plugin::JsonOutcome& outcome) {
    return [&calls, outcome](const std::string&, const Json&, const plugin::CallOptions&) {
      ++calls;
      return outcome;
    };
  }

  Trial& begin(const TrialPlan& plan) {
    serving = std::make_shared<FakeInstance>(before, plugin::Scope(), plugin::Configuration());
    tried = std::make_shared<FakeInstance>(next, plugin::Scope(), plugin::Configuration());
    trial = std::make_unique<Trial>(
        serving, tried, plan,
        Trial::Fate{[this] { return dice.load(); },
                    [this] { return Trial::Clock::time_point(std::chrono::seconds(seconds.load())); }});
    return *trial;
  }
  Trial& canary(int share = 50) { return begin({share, false, 600s}); }
  Trial& shadow() { return begin({0, true, 600s}); }

  plugin::JsonOutcome call(int rolled, const std::string& method = "create") {
    dice = rolled;
    return trial->invoke(method, Json::object(), {});
  }
  void calls(int count, int rolled, const std::string& method = "create") {
    for (int i = 0; i < count; ++i) call(rolled, method);
  }
  std::string result() const { return textOr(trial->describe(), "result", "undecided"); }
  std::string reason() const { return textOr(trial->describe(), "reason"); }
  std::uint64_t told(const char* name) const { return trial->describe().at(name).get<std::uint64_t>(); }
  bool tells(const char* name, std::uint64_t value) const {
    return within(10s, [&] { return told(name) == value; });
  }
};

TEST_F(TrialTest, GivesTheNewVersionItsShareOfTheCalls) {
  canary(10);
  for (int i = 0; i < 200; ++i) call(i % 100);
  EXPECT_EQ(toNext, 20);
  EXPECT_EQ(toBefore, 180);
  EXPECT_EQ(told("calls"), 20u);
  EXPECT_EQ(trial->manifest().version, "1.0.0");
}

TEST_F(TrialTest, WithChanceTheShareIsMetRoughly) {
  canary(50);
  trial = std::make_unique<Trial>(serving, tried, TrialPlan{50, false, 600s});
  for (int i = 0; i < 2000; ++i) trial->invoke("create", Json::object(), {});
  EXPECT_GT(toNext, 500);
  EXPECT_LT(toNext, 1500);
}

TEST_F(TrialTest, TellsPeopleHowItGoes) {
  canary(10);
  const auto told = trial->describe();
  EXPECT_EQ(told.at("kind"), "canary");
  EXPECT_EQ(told.at("version"), "1.1.0");
  EXPECT_EQ(told.at("share"), 10);
  EXPECT_TRUE(parseInstant(told.at("until").get<std::string>()));
  EXPECT_FALSE(told.contains("result"));
  EXPECT_NE(trial->sentence().find("Version 1.1.0 is tried beside 1.0.0 until "), std::string::npos);
  EXPECT_NE(trial->sentence().find("it answers 10 % of the calls"), std::string::npos);
  EXPECT_EQ(shadow().describe().at("kind"), "shadow");
  EXPECT_EQ(begin({10, true, 600s}).describe().at("kind"), "canary and shadow");
}

TEST_F(TrialTest, IsRolledBackOnceTheNewVersionFailsMoreThanTwiceAsOften) {
  next.invoke = answering(toNext, refused(DISPATCH_ERR_UNAVAILABLE));
  canary();
  calls(10, 99);
  calls(2, 0);
  EXPECT_FALSE(trial->decided());
  calls(1, 0);
  EXPECT_EQ(result(), "rolled back");
  EXPECT_EQ(reason(), "3 of its 3 calls failed, and 0 of the 10 that version 1.0.0 answered");
  calls(5, 0);
  EXPECT_EQ(toNext, 3) << "a call went to a version that was taken back";
  EXPECT_EQ(trial->winner(), serving);
  EXPECT_EQ(trial->loser(), tried);
}

TEST_F(TrialTest, FailingAsTheOldOneDoesIsNoReason) {
  before.invoke = answering(toBefore, refused(DISPATCH_ERR_TIMEOUT));
  next.invoke = answering(toNext, refused(DISPATCH_ERR_TIMEOUT));
  canary();
  calls(10, 99);
  calls(10, 0);
  EXPECT_FALSE(trial->decided());
  EXPECT_EQ(told("failures"), 10u);
}

TEST_F(TrialTest, ARefusalOfWhatWasAskedIsNoFailure) {
  canary();
  for (const auto status : {DISPATCH_ERR_INVALID, DISPATCH_ERR_DENIED, DISPATCH_ERR_UNSUPPORTED,
                            DISPATCH_ERR_NOT_FOUND, DISPATCH_ERR_LIMIT, DISPATCH_ERR_CANCELLED}) {
    next.invoke = answering(toNext, refused(status));
    calls(3, 0);
  }
  EXPECT_FALSE(trial->decided());
  EXPECT_EQ(told("calls"), 18u);
  EXPECT_EQ(told("failures"), 0u);
}

TEST_F(TrialTest, ACallThatItsCallerCancelledIsNoFailure) {
  next.invoke = answering(toNext, refused(DISPATCH_ERR_UNAVAILABLE));
  canary();
  dice = 0;
  plugin::CallOptions options;
  options.cancellation = std::make_shared<plugin::Cancellation>();
  options.cancellation->cancel();
  for (int i = 0; i < 5; ++i) trial->invoke("create", Json::object(), options);
  EXPECT_EQ(told("failures"), 0u);
}

TEST_F(TrialTest, IsRolledBackWhenTheCircuitBreakerOpens) {
  next.statistics = [] {
    plugin::Instance::Statistics statistics;
    statistics.breaker = "open";
    statistics.lastError = "no answer";
    return statistics;
  };
  canary();
  calls(1, 0);
  EXPECT_EQ(result(), "rolled back");
  EXPECT_NE(reason().find("no answer"), std::string::npos);
}

TEST_F(TrialTest, IsRolledBackWhenTheWorkerCrashesAlsoWithoutACall) {
  std::atomic<bool> crashed{false};
  next.worker = [&] {
    plugin::Instance::Worker worker;
    if (crashed) worker.lastCrash = "crashed in a method by signal 11 (Segmentation fault)";
    return worker;
  };
  canary();
  EXPECT_FALSE(trial->decided());
  crashed = true;
  EXPECT_TRUE(trial->decided());
  EXPECT_EQ(reason(), "its worker crashed in a method by signal 11 (Segmentation fault)");
}

TEST_F(TrialTest, TakesOverWhenItsTimeIsUp) {
  canary(1);
  seconds = 599;
  EXPECT_FALSE(trial->decided());
  seconds = 600;
  EXPECT_TRUE(trial->decided());
  EXPECT_EQ(result(), "took over");
  calls(5, 99);
  EXPECT_EQ(toNext, 5);
  EXPECT_EQ(trial->winner(), tried);
  EXPECT_EQ(trial->loser(), serving);
}

TEST_F(TrialTest, AShadowAloneEndsWithoutTakingOver) {
  shadow();
  seconds = 600;
  EXPECT_TRUE(trial->decided());
  EXPECT_EQ(result(), "ended");
  EXPECT_EQ(trial->winner(), serving);
}

TEST_F(TrialTest, APersonDecidesOnce) {
  canary();
  EXPECT_TRUE(trial->decide(Result::tookOver, "ada asked for it"));
  EXPECT_FALSE(trial->decide(Result::rolledBack, "too late"));
  seconds = 600;
  EXPECT_EQ(result(), "took over");
  EXPECT_EQ(reason(), "ada asked for it");
}

TEST_F(TrialTest, WhatTheVersionsDoNotOfferAlikeStaysWithTheOldOne) {
  before.methods = {{"create", Effect::idempotent, 1}, {"find", Effect::read, 1}, {"get", Effect::read, 1}};
  next.methods = {{"create", Effect::atMostOnce, 1}, {"get", Effect::read, 1}, {"new", Effect::read, 1}};
  canary();
  for (const char* method : {"create", "find", "new"}) calls(1, 0, method);
  EXPECT_EQ(toNext, 0);
  calls(1, 0, "get");
  EXPECT_EQ(toNext, 1);
  EXPECT_EQ(trial->methods().size(), 3u);
}

TEST_F(TrialTest, AShadowRepeatsWhatReadsAndNeverAnEffect) {
  std::mutex mutex;
  std::vector<std::string> repeated;
  next.invoke = [&](const std::string& method, const Json&, const plugin::CallOptions&) {
    const std::lock_guard lock(mutex);
    repeated.push_back(method);
    return answered({{"by", "another"}});
  };
  shadow();
  for (const char* method : {"create", "get", "create", "get"}) {
    EXPECT_EQ(call(0, method).value.at("by"), "plugin") << "the shadow answered";
    ASSERT_TRUE(within(10s, [&] { return told("calls") == told("compared"); }));
  }
  EXPECT_TRUE(tells("compared", 2));
  EXPECT_EQ(told("differing"), 2u);
  EXPECT_EQ(textOr(trial->describe(), "last_difference"), "get: /by has another value");
  trial.reset();
  EXPECT_EQ(repeated, (std::vector<std::string>{"get", "get"}));
}

TEST_F(TrialTest, AShadowRepeatsNothingThatTheOldVersionFailedIn) {
  before.invoke = answering(toBefore, refused(DISPATCH_ERR_TIMEOUT));
  shadow();
  calls(5, 0, "get");
  before.invoke = answering(toBefore, answered({{"by", "plugin"}}));
  calls(1, 0, "get");
  EXPECT_TRUE(tells("compared", 1));
  EXPECT_EQ(toNext, 1);
}

TEST_F(TrialTest, AShadowThatFailsIsRolledBack) {
  next.invoke = answering(toNext, refused(DISPATCH_ERR_INTERNAL));
  shadow();
  calls(3, 0, "get");
  EXPECT_TRUE(within(10s, [&] { return result() == "rolled back"; }));
  EXPECT_EQ(told("failures"), 3u);
  EXPECT_EQ(told("compared"), 0u);
}

TEST_F(TrialTest, OfBothKindsWhatTheCanaryDoesNotGetIsRepeatedAndDifferencesDecideNothing) {
  next.invoke = answering(toNext, answered({{"by", "another"}}));
  begin({50, true, 600s});
  EXPECT_EQ(call(0, "get").value.at("by"), "another");
  EXPECT_EQ(call(99, "get").value.at("by"), "plugin");
  EXPECT_TRUE(tells("differing", 1));
  EXPECT_TRUE(tells("calls", 2));
  calls(10, 99, "get");
  EXPECT_TRUE(tells("differing", 11));
  EXPECT_FALSE(trial->decided());
}

TEST_F(TrialTest, WhatIsRepeatedLeavesATurnFreeForACallThatSomebodyWaitsFor) {
  next.statistics = [] {
    plugin::Instance::Statistics statistics;
    statistics.inFlight = 3;
    return statistics;
  };
  begin({50, true, 600s});
  calls(1, 99, "get");
  EXPECT_TRUE(tells("dropped", 1));
  shadow();
  calls(1, 99, "get");
  EXPECT_TRUE(tells("compared", 1)) << "nobody waits for a turn of a shadow";
}

TEST_F(TrialTest, IdentifyingAWebhookIsRepeatedReceivingItIsNot) {
  std::atomic<int> received{0};
  const auto identifiedAs = [](const std::string& id) {
    return [id](const plugin::WebhookRequest&) {
      plugin::TextOutcome outcome;
      outcome.status = DISPATCH_OK;
      outcome.text = id;
      return outcome;
    };
  };
  before.identify = identifiedAs("a");
  next.identify = identifiedAs("b");
  before.receive = next.receive = [&](const plugin::WebhookRequest&) {
    ++received;
    plugin::WebhookOutcome outcome;
    outcome.status = DISPATCH_OK;
    return outcome;
  };
  shadow();
  EXPECT_EQ(trial->identifyWebhook({}, {}).text, "a");
  EXPECT_TRUE(trial->receiveWebhook({}, {}).ok());
  EXPECT_TRUE(tells("compared", 1));
  EXPECT_EQ(textOr(trial->describe(), "last_difference"),
            "identify: the answer as a whole has another value");
  trial.reset();
  EXPECT_EQ(received, 1);
}

TEST_F(TrialTest, AWebhookGoesToTheCanaryWhereBothReceiveThem) {
  before.identify = [](const plugin::WebhookRequest&) { return plugin::TextOutcome(); };
  std::atomic<int> received{0};
  before.receive = [&](const plugin::WebhookRequest&) {
    ++received;
    return plugin::WebhookOutcome();
  };
  next.receive = before.receive;
  dice = 0;
  canary().receiveWebhook({}, {});
  EXPECT_EQ(told("calls"), 0u);
  next.identify = before.identify;
  canary().receiveWebhook({}, {});
  EXPECT_EQ(told("calls"), 1u);
  EXPECT_EQ(received, 2);
}

TEST_F(TrialTest, EndsWhileACallIsBeingRepeated) {
  std::atomic<bool> under{false}, cancelled{false};
  next.invoke = [&](const std::string&, const Json&, const plugin::CallOptions& options) {
    under = true;
    while (!options.cancellation->cancelled()) std::this_thread::sleep_for(1ms);
    cancelled = true;
    return refused(DISPATCH_ERR_CANCELLED);
  };
  shadow();
  calls(5, 0, "get");
  ASSERT_TRUE(within(10s, [&] { return under.load(); }));
  trial.reset();
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(tried.use_count(), 1) << "a repeated call still holds it";
}

TEST_F(TrialTest, OnceDecidedItStopsNeitherAndBeforeBoth) {
  canary().decide(Result::tookOver, "");
  trial->drainAndStop();
  EXPECT_EQ(before.stopped + next.stopped, 0);
  canary().drainAndStop();
  EXPECT_EQ(before.stopped, 1);
  EXPECT_EQ(next.stopped, 1);
  EXPECT_EQ(result(), "rolled back");
}

TEST_F(TrialTest, AConfigurationReachesBothAndWhoCannotTakeItOnIsRolledBack) {
  before.reconfigure = next.reconfigure = [](const plugin::Configuration&) { return fine(); };
  canary();
  EXPECT_TRUE(trial->reconfigure({}).ok());
  EXPECT_EQ(next.reconfigured, 1);
  EXPECT_FALSE(trial->decided());
  next.reconfigure = {};
  EXPECT_TRUE(trial->reconfigure({}).ok());
  EXPECT_EQ(result(), "rolled back");
  before.reconfigure = {};
  EXPECT_FALSE(trial->reconfigure({}).ok());
}

TEST(TrialPlanTest, ItsBoundsAreChecked) {
  EXPECT_NO_THROW(checkPlan({1, false, 5s}));
  EXPECT_NO_THROW(checkPlan({0, true, 24h}));
  for (const TrialPlan& wrong :
       {TrialPlan{0, false, 600s}, TrialPlan{100, false, 600s}, TrialPlan{-1, true, 600s},
        TrialPlan{1, false, 4999ms}, TrialPlan{1, false, 25h}})
    EXPECT_THROW(checkPlan(wrong), Problem);
}

}  // namespace

}  // namespace dispatch::integrations
