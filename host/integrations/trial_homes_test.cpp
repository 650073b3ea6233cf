// Trials between two instances of a real library, in the server's process and in workers.
#include "integrations/trial.hpp"

#include "plugin/testing/fixture.hpp"

#include "base/json.hpp"
#include "integrations/testing/fake_catalog.hpp"

#include <gmock/gmock.h>

#include <atomic>

namespace dispatch::integrations {

namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::within;

class TrialHomesTest : public plugin::testing::ProbeTest {
 protected:
  Trial& begin(const TrialPlan& plan) {
    serving = started();
    tried = started();
    trial = std::make_unique<Trial>(
        serving, tried, plan,
        Trial::Fate{[this] { return dice.load(); }, [] { return Trial::Clock::now(); }});
    return *trial;
  }
  plugin::JsonOutcome call(int rolled, const std::string& method) {
    dice = rolled;
    return trial->invoke(method, {{"text", "hello"}, {"ok", true}}, {});
  }
  std::string reason() const { return textOr(trial->describe(), "reason"); }

  std::atomic<int> dice{99};
  std::shared_ptr<plugin::Instance> serving, tried;
  std::unique_ptr<Trial> trial;
};

TEST_F(TrialHomesTest, EveryCallIsAnsweredWhoeverGetsIt) {
  begin({50, false, 1h});
  EXPECT_EQ(trial->home(), plugin::testing::inWorker() ? "worker" : "process");
  for (int i = 0; i < 20; ++i) {
    const auto outcome = call(i % 2 == 0 ? 0 : 99, "echo");
    ASSERT_TRUE(outcome.ok()) << outcome.message;
    EXPECT_EQ(outcome.value.at("text"), "hello");
  }
  EXPECT_EQ(trial->describe().at("calls"), 10);
  EXPECT_EQ(serving->statistics().calls, 10u);
}

TEST_F(TrialHomesTest, WhatReadsIsRepeatedAndCompared) {
  begin({0, true, 1h});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(call(0, "echo").ok());
  ASSERT_TRUE(call(0, "key").ok());
  EXPECT_TRUE(within(20s, [&] { return trial->describe().at("compared") == 5; }));
  EXPECT_EQ(trial->describe().at("differing"), 0);
  EXPECT_EQ(tried->statistics().calls, 5u) << "what is idempotent was repeated";
}

TEST_F(TrialHomesTest, AVersionThatFailsIsTakenBack) {
  begin({50, false, 1h});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call(0, "busy").status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_TRUE(trial->decided());
  EXPECT_THAT(reason(), HasSubstr("3 of its 3 calls failed"));
  EXPECT_TRUE(call(0, "echo").ok());
  EXPECT_EQ(serving->statistics().calls, 1u);
}

/// What only a worker survives.
class TrialInWorkersTest : public TrialHomesTest {
 protected:
  TrialInWorkersTest() {
    options.workerProgram = DISPATCH_WORKER_PROGRAM;
    options.isolation["*"] = "worker";
  }
};

TEST_F(TrialInWorkersTest, AVersionWhoseWorkerCrashesIsTakenBackAtOnce) {
  begin({50, false, 1h});
  EXPECT_FALSE(call(0, "crash").ok());
  EXPECT_TRUE(trial->decided());
  const std::string how = tried->worker().lastCrash;  // a sanitizer in it says so in its own way
  EXPECT_THAT(how, HasSubstr("in crash"));
  EXPECT_EQ(reason(), "its worker " + how);
  EXPECT_TRUE(call(0, "echo").ok());
  EXPECT_EQ(serving->worker().lastCrash, "");
}

}  // namespace

}  // namespace dispatch::integrations
