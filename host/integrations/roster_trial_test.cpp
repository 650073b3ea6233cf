// Trials in the place where plugins are looked up: begun by a reload, ended by the keeper, a person or a
// change.
#include "integrations/roster.hpp"

#include "base/base.hpp"
#include "integrations/testing/fake_catalog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <mutex>
#include <thread>

namespace dispatch::integrations {

namespace {

using namespace std::chrono_literals;
using testing::fine;
using ::testing::HasSubstr;
using testing::refused;
using testing::within;

struct RosterTrialTest : ::testing::Test {
  std::filesystem::path directory;
  std::unique_ptr<config::Settings> settings;
  config::Envelope envelope{config::SecretText("a key of more than thirty-two characters")};
  std::unique_ptr<EffectiveConfigurations> configurations;
  testing::FakeCatalog catalog;
  testing::FakePlugin* before = nullptr;
  testing::FakePlugin* next = nullptr;
  std::mutex mutex;
  std::vector<std::pair<Json, std::string>> ended;  ///< reports, and who ended them
  std::unique_ptr<Roster> roster;
  InstanceRow row;

  void SetUp() override {
    char pattern[] = "/tmp/dispatch-roster-XXXXXX";
    directory = ::mkdtemp(pattern);
    std::filesystem::create_directories(directory / "etc/dispatch");
    settings =
        std::make_unique<config::Settings>(config::Settings::load(config::Paths::under(directory.string())));
    configurations = std::make_unique<EffectiveConfigurations>(
        *settings, envelope,
        [](const std::string&, const std::string& stored) { return config::SecretText(stored); });
    before = &catalog.add("fake", "ticket");
    before->methods = {{"get", plugin::Effect::read, 1}};
    row.id = 7;
    row.pluginId = "fake";
    row.pluginType = "ticket";
    row.project = "default";
    row.enabled = true;
    row.revision = 1;
    roster = std::make_unique<Roster>(
        catalog, *configurations, [](const InstanceRow&, const std::string&, const std::string&) {},
        [this](const InstanceRow&, const Json& report, const std::string& actor) {
          const std::lock_guard lock(mutex);
          ended.emplace_back(report, actor);
        });
    roster->apply(row);
    next = &catalog.release("fake", "1.1.0");
    next->methods = before->methods;
  }
  void TearDown() override {
    roster.reset();
    std::filesystem::remove_all(directory);
  }

  void begin(const TrialPlan& plan) {
    const auto replaced = roster->reload("fake", plan);
    ASSERT_EQ(replaced.size(), 1u);
    ASSERT_EQ(replaced[0].reason, "");
    EXPECT_EQ(replaced[0].from, "1.0.0");
    EXPECT_EQ(replaced[0].to, "1.1.0");
    EXPECT_THAT(replaced[0].trial, HasSubstr("Version 1.1.0 is tried beside 1.0.0"));
  }
  std::string version() const {
    const auto serving = roster->byId(7);
    return serving.instance ? serving.instance->manifest().version : "none: " + serving.reason;
  }
  std::string result() const { return textOr(roster->trials(7).last, "result", "none"); }
  std::string reason() const { return textOr(roster->trials(7).last, "reason"); }
  bool runs() const { return !roster->trials(7).running.is_null(); }
  std::size_t told() {
    const std::lock_guard lock(mutex);
    return ended.size();
  }

  std::string refusalOf(const std::function<void()>& work, Problem::Kind kind = Problem::Kind::conflict) {
    try {
      work();
    } catch (const Problem& problem) {
      EXPECT_EQ(problem.kind(), kind);
      return problem.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
  }

  static constexpr TrialPlan longCanary{99, false, 1h};
};

TEST_F(RosterTrialTest, AReloadWithAPlanTriesTheNewVersionBesideTheOld) {
  begin({10, true, 1h});
  EXPECT_TRUE(runs());
  EXPECT_EQ(version(), "1.0.0");
  EXPECT_EQ(roster->serving(0, "ticket").size(), 1u);
  EXPECT_EQ(before->started, 1);
  EXPECT_EQ(next->started, 1);
  EXPECT_EQ(before->stopped + next->stopped, 0);
  const auto status = roster->status(row);
  EXPECT_EQ(status.state, "healthy");
  EXPECT_THAT(status.reason, HasSubstr("Version 1.1.0 is tried beside 1.0.0"));
  EXPECT_TRUE(roster->ailing().empty());
}

TEST_F(RosterTrialTest, ACanaryTakesOverWhenItsTimeIsUp) {
  begin({10, false, 1ms});
  EXPECT_TRUE(within(20s, [&] { return version() == "1.1.0"; }));
  EXPECT_EQ(result(), "took over");
  EXPECT_FALSE(runs());
  EXPECT_EQ(roster->status(row).reason, "");
  EXPECT_TRUE(within(20s, [&] { return before->stopped == 1; }));
  EXPECT_EQ(next->stopped, 0);
  ASSERT_TRUE(within(20s, [&] { return told() == 1; }));
  EXPECT_EQ(ended[0].second, "the server");
  roster->stop();
  EXPECT_EQ(next->stopped, 1);
}

TEST_F(RosterTrialTest, AShadowAloneEndsAndTheOldVersionGoesOn) {
  begin({0, true, 1ms});
  EXPECT_TRUE(within(20s, [&] { return result() == "ended"; }));
  EXPECT_EQ(version(), "1.0.0");
  EXPECT_TRUE(within(20s, [&] { return next->stopped == 1; }));
  EXPECT_EQ(before->stopped, 0);
  EXPECT_THAT(roster->status(row).reason, HasSubstr("Version 1.0.0 goes on, though 1.1.0 is installed"));
}

TEST_F(RosterTrialTest, ANewVersionThatFailsIsTakenBack) {
  next->invoke = [](const std::string&, const Json&, const plugin::CallOptions&) {
    return refused(DISPATCH_ERR_UNAVAILABLE, "no answer");
  };
  begin(longCanary);
  EXPECT_TRUE(within(20s, [&] {
    roster->byId(7).instance->invoke("get", Json::object());
    return result() == "rolled back";
  }));
  EXPECT_EQ(version(), "1.0.0");
  EXPECT_THAT(reason(), HasSubstr("of its"));
  const auto status = roster->status(row);
  EXPECT_EQ(status.state, "healthy");
  for (const char* part : {"Version 1.0.0 goes on, though 1.1.0 is installed", "calls failed",
                           "dispatch plugins reload fake", "dispatch plugins pin fake 1.0.0"})
    EXPECT_THAT(status.reason, HasSubstr(part));
  EXPECT_TRUE(within(20s, [&] { return next->stopped == 1; }));
  EXPECT_EQ(before->stopped, 0);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(roster->byId(7).instance->invoke("get", Json::object()).ok());
}

TEST_F(RosterTrialTest, ANewVersionThatDoesNotStartIsNotTried) {
  next->start = [](const plugin::Configuration&) {
    return testing::failed(DISPATCH_ERR_UNAVAILABLE, "not today");
  };
  const auto replaced = roster->reload("fake", longCanary);
  ASSERT_EQ(replaced.size(), 1u);
  EXPECT_EQ(replaced[0].reason, "not today");
  EXPECT_EQ(replaced[0].trial, "");
  EXPECT_FALSE(runs());
  EXPECT_EQ(version(), "1.0.0");
}

TEST_F(RosterTrialTest, APersonEndsItEitherWay) {
  begin(longCanary);
  auto over = roster->endTrials("fake", false, "ada");
  ASSERT_EQ(over.size(), 1u);
  EXPECT_EQ(over[0].version, "1.0.0");
  EXPECT_EQ(reason(), "ada asked for it");
  EXPECT_THAT(refusalOf([&] { roster->endTrials("fake", true, "ada"); }, Problem::Kind::notFound),
              HasSubstr("version 1.1.0 was rolled back, because ada asked for it"));
  begin(longCanary);
  EXPECT_EQ(result(), "none") << "the report is that of the last reload";
  over = roster->endTrials("fake", true, "ada");
  EXPECT_EQ(over.at(0).version, "1.1.0");
  EXPECT_EQ(over[0].report.at("result"), "took over");
  EXPECT_EQ(version(), "1.1.0");
  EXPECT_TRUE(within(20s, [&] { return told() == 2; }));
  EXPECT_EQ(ended[1].second, "ada");
}

TEST_F(RosterTrialTest, ASecondReloadIsRefusedAndSaysHowToGoOn) {
  begin(longCanary);
  for (const auto& again : {std::optional<TrialPlan>(), std::optional<TrialPlan>(longCanary)}) {
    const auto refusal = refusalOf([&] { roster->reload("fake", again); });
    for (const char* part : {"Version 1.1.0 is tried beside 1.0.0 until ", "dispatch plugins promote fake",
                             "dispatch plugins rollback fake"})
      EXPECT_THAT(refusal, HasSubstr(part));
  }
  EXPECT_EQ(next->created, 1);
  roster->endTrials("fake", false, "ada");
  EXPECT_EQ(roster->reload("fake").at(0).to, "1.1.0");
  EXPECT_EQ(roster->status(row).reason, "") << "what was said of the old version is still said";
}

TEST_F(RosterTrialTest, WhereNothingServesThereIsNothingToTryItBeside) {
  row.enabled = false;
  row.revision = 2;
  roster->apply(row);
  EXPECT_THAT(refusalOf([&] { roster->refuseReload("fake", true); }),
              HasSubstr("dispatch plugins reload fake"));
  EXPECT_NO_THROW(roster->refuseReload("fake", false));
}

TEST_F(RosterTrialTest, AChangedConfigurationEndsIt) {
  before->reconfigure = [](const plugin::Configuration&) { return fine(); };
  begin(longCanary);
  roster->apply(row);
  EXPECT_TRUE(runs()) << "nothing was changed";
  row.revision = 2;
  roster->apply(row);
  EXPECT_EQ(result(), "rolled back");
  EXPECT_EQ(reason(), "its configuration was changed");
  EXPECT_EQ(version(), "1.0.0");
  EXPECT_EQ(before->reconfigured, 1);
  EXPECT_THAT(roster->status(row).reason, HasSubstr("though 1.1.0 is installed"));
  EXPECT_TRUE(within(20s, [&] { return next->stopped == 1; }));
  EXPECT_EQ(before->stopped, 0);
}

TEST_F(RosterTrialTest, AConfigurationThatNeedsANewInstanceTakesWhatIsInstalled) {
  begin(longCanary);
  row.revision = 2;
  roster->apply(row);
  EXPECT_EQ(reason(), "its configuration was changed");
  EXPECT_EQ(version(), "1.1.0");
  EXPECT_EQ(roster->status(row).reason, "");
  EXPECT_TRUE(within(20s, [&] { return before->stopped == 1 && next->stopped == 1; }));
  EXPECT_EQ(next->created, 2);
}

TEST_F(RosterTrialTest, DisablingAndTakingOutEndItAndStopBoth) {
  begin(longCanary);
  row.enabled = false;
  row.revision = 2;
  roster->apply(row);
  EXPECT_EQ(reason(), "the plugin was disabled");
  EXPECT_TRUE(within(20s, [&] { return before->stopped == 1 && next->stopped == 1; }));
  row.enabled = true;
  row.revision = 3;
  roster->apply(row);
  EXPECT_EQ(version(), "1.1.0");
  catalog.release("fake", "1.2.0").methods = next->methods;
  ASSERT_EQ(roster->reload("fake", longCanary).at(0).reason, "");
  roster->forget(7);
  ASSERT_TRUE(within(20s, [&] { return told() == 2; }));
  EXPECT_EQ(textOr(ended[1].first, "reason"), "the plugin was taken out of the project");
  EXPECT_TRUE(within(20s, [&] { return next->stopped == 2; }));
}

TEST_F(RosterTrialTest, StoppingEndsItAndStopsBoth) {
  begin({50, true, 1h});
  roster->stop();
  EXPECT_EQ(before->stopped, 1);
  EXPECT_EQ(next->stopped, 1);
  ASSERT_EQ(told(), 1u);
  EXPECT_EQ(textOr(ended[0].first, "reason"), "the server is being stopped");
}

TEST_F(RosterTrialTest, WhoFoundItDuringTheTrialIsServedUntilTheyLetGo) {
  begin(longCanary);
  auto held = roster->byId(7).instance;
  auto alsoHeld = held;
  roster->endTrials("fake", true, "ada");
  EXPECT_TRUE(held->invoke("get", {{"a", 1}}).ok());
  held.reset();
  std::this_thread::sleep_for(15ms);
  EXPECT_EQ(before->stopped, 0) << "somebody may still be in a call of it";
  alsoHeld.reset();
  EXPECT_TRUE(within(20s, [&] { return before->stopped == 1; }));
  EXPECT_EQ(next->stopped, 0);
  EXPECT_TRUE(roster->byId(7).instance->invoke("get", Json::object()).ok());
}

}  // namespace

}  // namespace dispatch::integrations
