#include "source/poller.hpp"

#include "base/base.hpp"
#include "integrations/testing/idle_integrations.hpp"
#include "plugin/testing/idle_instance.hpp"
#include "store/testing/test_database.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <thread>

namespace dispatch::source {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Counts from the cursor on, unless told otherwise.
class FakeSource final : public plugin::testing::IdleInstance {
 public:
  explicit FakeSource(std::int64_t id) {
    _scope.pluginId = "feed";
    _scope.instanceId = id;
    _scope.organizationId = _scope.projectId = 1;
  }
  std::function<plugin::PollOutcome(const std::string& cursor, const plugin::CallOptions& options)> onPoll;

  static plugin::PollOutcome goOn(std::string cursor, bool more = false,
                                  std::chrono::milliseconds next = 1h) {
    plugin::PollOutcome outcome;
    outcome.status = DISPATCH_OK;
    outcome.cursor = std::move(cursor);
    outcome.more = more;
    outcome.next = next;
    return outcome;
  }
  static plugin::PollOutcome failed(const std::string& message, std::uint32_t retryAfterMs = 0) {
    plugin::PollOutcome outcome;
    outcome.status = DISPATCH_ERR_UNAVAILABLE;
    outcome.message = message;
    outcome.retryAfterMs = retryAfterMs;
    return outcome;
  }

  plugin::PollOutcome poll(const std::string& cursor, const plugin::CallOptions& options) override {
    const int now = ++_atOnce;
    for (int most = _mostAtOnce; now > most && !_mostAtOnce.compare_exchange_weak(most, now);) {
    }
    {
      const std::lock_guard lock(_mutex);
      _cursors.push_back(cursor);
    }
    auto outcome = onPoll ? onPoll(cursor, options) : goOn(cursor + "+");
    --_atOnce;
    return outcome;
  }
  std::vector<std::string> cursors() {
    const std::lock_guard lock(_mutex);
    return _cursors;
  }
  int mostAtOnce() const { return _mostAtOnce; }

 private:
  std::mutex _mutex;
  std::vector<std::string> _cursors;
  std::atomic<int> _atOnce{0}, _mostAtOnce{0};
};

class Plugins final : public integrations::testing::IdleIntegrations {
 public:
  void set(std::int64_t id, std::shared_ptr<plugin::Instance> instance) {
    const std::lock_guard lock(_mutex);
    _instances[id] = std::move(instance);
  }
  integrations::Serving byId(std::int64_t id) override {
    const std::lock_guard lock(_mutex);
    integrations::Serving serving{_instances[id], id, 1, ""};
    if (!serving.instance) serving.reason = "It is disabled in project default.";
    return serving;
  }
  std::vector<integrations::Serving> running(std::string_view) override {
    const std::lock_guard lock(_mutex);
    std::vector<integrations::Serving> all;
    for (const auto& [id, instance] : _instances)
      if (instance) all.push_back({instance, id, 1, ""});
    return all;
  }

 private:
  std::mutex _mutex;
  std::map<std::int64_t, std::shared_ptr<plugin::Instance>> _instances;
};

class Sources : public store::testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    options.tick = 10ms;
    options.atOnce = 1ms;
    options.retryFirst = 20ms;
    options.retryMost = 40ms;
    options.lease = 2s;
    const std::string at = nowText();
    db().session()->insert("plugin", {{"slug", std::string("feed")},
                                      {"title", std::string("Feed")},
                                      {"version", std::string("1")},
                                      {"type", std::string("source")},
                                      {"created_at", at},
                                      {"updated_at", at}});
    instance = db().session()->insert("plugin_instance", {{"organization_id", std::int64_t{1}},
                                                          {"project_id", std::int64_t{1}},
                                                          {"plugin_slug", std::string("feed")},
                                                          {"enabled", true},
                                                          {"created_at", at},
                                                          {"updated_at", at}});
    feed = std::make_shared<FakeSource>(instance);
    plugins.set(instance, feed);
  }
  void TearDown() override {
    poller.reset();
    DatabaseTest::TearDown();
  }
  Poller& running(const std::string& host = "host-1") {
    poller = std::make_unique<Poller>(db(), plugins, host, options);
    poller->run();
    return *poller;
  }
  static bool soon(const std::function<bool()>& what) {
    for (const auto until = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < until;
         std::this_thread::sleep_for(5ms))
      if (what()) return true;
    return false;
  }
  bool shows(const char* member, const Json& value) {
    return soon([&] {
      const auto now = poller->show(instance);
      return !now.is_null() && now[member] == value && now["polling"] == false;
    });
  }

  Plugins plugins;
  PollerOptions options;
  std::shared_ptr<FakeSource> feed;
  std::unique_ptr<Poller> poller;
  std::int64_t instance = 0;
};
DISPATCH_TEST_ON_BOTH_DATABASES(Sources);

TEST_P(Sources, IsAskedAtOnceAndGoesOnWhereItWas) {
  running();
  ASSERT_TRUE(shows("polls", 1));
  poller->pollNow(instance, false, "ada@example.com");
  ASSERT_TRUE(shows("polls", 2));
  EXPECT_THAT(feed->cursors(), ElementsAre("", "+"));
  const auto now = poller->show(instance);
  EXPECT_EQ(now["failures"], 0);
  EXPECT_EQ(now["events"], 0);
  EXPECT_TRUE(now["last_error"].is_null());
  EXPECT_GT(now["next_poll_at"], nowText()) << "an hour, as the plugin said";
}

TEST_P(Sources, NextServerGoesOnWhereTheLastOneWas) {
  running();
  ASSERT_TRUE(shows("polls", 1));
  poller->stop();
  running("host-2").pollNow(instance, false, "ada@example.com");
  ASSERT_TRUE(shows("polls", 2));
  EXPECT_THAT(feed->cursors(), ElementsAre("", "+"));
}

TEST_P(Sources, WhereThereIsMoreItIsAskedAtOnce) {
  feed->onPoll = [](const std::string& cursor, const auto&) {
    return FakeSource::goOn(cursor + "+", cursor.size() < 3);
  };
  running();
  ASSERT_TRUE(shows("polls", 4));
  EXPECT_THAT(feed->cursors(), ElementsAre("", "+", "++", "+++"));
}

TEST_P(Sources, AFailureIsRepeatedFromTheSameCursor) {
  std::atomic<int> calls{0};
  feed->onPoll = [&](const std::string& cursor, const auto&) {
    return ++calls < 3 ? FakeSource::failed("nobody answers there") : FakeSource::goOn(cursor + "+");
  };
  running();
  ASSERT_TRUE(shows("failures", 1) || calls > 1);
  ASSERT_TRUE(soon([&] { return calls == 3; }));
  ASSERT_TRUE(shows("failures", 0));
  EXPECT_THAT(feed->cursors(), ElementsAre("", "", ""));
  EXPECT_EQ(poller->show(instance)["polls"], 3);
}

TEST_P(Sources, AFailureIsShownAndWaitsAsLongAsThePluginSays) {
  feed->onPoll = [](const auto&, const auto&) { return FakeSource::failed("too many requests", 3'600'000); };
  options.retryMost = 2h;
  running();
  ASSERT_TRUE(shows("failures", 1));
  EXPECT_EQ(poller->show(instance)["last_error"], "too many requests");
  EXPECT_GT(poller->show(instance)["next_poll_at"], toText(now() + 50min));
}

TEST_P(Sources, OneServerAsksAtATime) {
  feed->onPoll = [](const std::string& cursor, const auto&) {
    std::this_thread::sleep_for(2ms);
    return FakeSource::goOn(cursor + "+", cursor.size() < 40);
  };
  running("host-1");
  Poller another(db(), plugins, "host-2", options);
  // On SQLite there is no other server: what runs there takes everything for left behind.
  if (db().dialect() == store::Dialect::postgresql) another.run();
  ASSERT_TRUE(shows("polls", 41));
  another.stop();
  EXPECT_EQ(feed->mostAtOnce(), 1);
  EXPECT_EQ(feed->cursors().size(), 41u);
}

TEST_P(Sources, LeaseIsHeldWhileOneWaitsForNews) {
  std::atomic<bool> news{false};
  feed->onPoll = [&](const std::string& cursor, const plugin::CallOptions& asked) {
    while (!news && !asked.cancellation->cancelled()) std::this_thread::sleep_for(1ms);
    return FakeSource::goOn(cursor + "+");
  };
  running("host-1");
  ASSERT_TRUE(soon([&] { return feed->cursors().size() == 1; }));
  Poller another(db(), plugins, "host-2", options);
  if (db().dialect() == store::Dialect::postgresql) another.run();
  std::this_thread::sleep_for(options.lease * 3 / 2);
  EXPECT_EQ(feed->cursors().size(), 1u);
  news = true;
  ASSERT_TRUE(shows("polls", 1));
}

TEST_P(Sources, StopCancelsWhatWaitsForNewsAndKeepsItsPlace) {
  options.stopWithin = 10ms;
  feed->onPoll = [](const std::string& cursor, const plugin::CallOptions& asked) {
    if (cursor.empty()) return FakeSource::goOn("seen", true);
    while (!asked.cancellation->cancelled()) std::this_thread::sleep_for(1ms);
    return FakeSource::failed("cancelled");
  };
  running();
  ASSERT_TRUE(soon([&] { return feed->cursors().size() == 2; }));
  poller->stop();
  EXPECT_EQ(poller->show(instance)["failures"], 0) << "that the server stops is no failure of the plugin";
  feed->onPoll = nullptr;
  running("host-2");
  ASSERT_TRUE(shows("polls", 2));
  EXPECT_THAT(feed->cursors(), ElementsAre("", "seen", "seen"));
}

TEST_P(Sources, StartingOverWinsOverAPollThatIsUnderWay) {
  std::atomic<bool> go{false};
  feed->onPoll = [&](const std::string&, const auto&) {
    while (!go) std::this_thread::sleep_for(1ms);
    return FakeSource::goOn("far ahead");
  };
  running();
  ASSERT_TRUE(soon([&] { return feed->cursors().size() == 1; }));
  poller->pollNow(instance, true, "ada@example.com");
  go = true;
  ASSERT_TRUE(shows("polls", 2));
  EXPECT_THAT(feed->cursors(), ElementsAre("", ""));
  const auto audited =
      db().session()->one("SELECT actor FROM audit WHERE action = 'plugin.source.start_over'");
  ASSERT_TRUE(audited);
  EXPECT_EQ(audited->text("actor"), "ada@example.com");
}

TEST_P(Sources, OneThatIsDisabledIsNotAskedAndKeepsItsPlace) {
  running();
  ASSERT_TRUE(shows("polls", 1));
  plugins.set(instance, nullptr);
  try {
    poller->pollNow(instance, false, "ada@example.com");
    FAIL() << "it does not run";
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.kind(), Problem::Kind::conflict);
    EXPECT_THAT(problem.what(), HasSubstr("disabled"));
  }
  plugins.set(instance, feed);
  poller->pollNow(instance, false, "ada@example.com");
  ASSERT_TRUE(shows("polls", 2));
  EXPECT_THAT(feed->cursors(), ElementsAre("", "+"));
}

TEST_P(Sources, WhatAKilledServerHeldIsTakenOver) {
  db().session()->execute(
      "INSERT INTO plugin_source (organization_id, plugin_instance_id, \"cursor\", next_poll_at, "
      "lease_owner, "
      "lease_until) VALUES (1, ?, 'half-way', ?, 'killed', ?)",
      {instance, nowText(), toText(now() + (db().dialect() == store::Dialect::sqlite ? 1h : 1s))});
  running();
  if (db().dialect() == store::Dialect::postgresql) {
    std::this_thread::sleep_for(100ms);
    EXPECT_TRUE(feed->cursors().empty()) << "another server may still be at it";
  }
  ASSERT_TRUE(shows("polls", 1));
  EXPECT_THAT(feed->cursors(), ElementsAre("half-way"));
}

TEST_P(Sources, OneThatNeverRanSaysSo) {
  poller = std::make_unique<Poller>(db(), plugins, "host-1", options);
  EXPECT_TRUE(poller->show(instance).is_null());
  try {
    poller->pollNow(instance, false, "ada@example.com");
    FAIL();
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.kind(), Problem::Kind::notFound);
  }
}

TEST_P(Sources, EachHasItsTurnWhereOneAlwaysHasMore) {
  options.most = 1;
  const std::string at = nowText();
  const auto second = db().session()->insert("plugin_instance", {{"organization_id", std::int64_t{1}},
                                                                 {"project_id", std::int64_t{1}},
                                                                 {"plugin_slug", std::string("feed")},
                                                                 {"enabled", true},
                                                                 {"created_at", at},
                                                                 {"updated_at", at}});
  auto other = std::make_shared<FakeSource>(second);
  plugins.set(second, other);
  feed->onPoll = [](const std::string&, const auto&) { return FakeSource::goOn("", true); };
  running();
  ASSERT_TRUE(soon([&] { return !other->cursors().empty(); }));
  const auto asked = feed->cursors().size();
  ASSERT_TRUE(soon([&] { return feed->cursors().size() > asked; }));
}

TEST_P(Sources, OneThatCallsItselfCancelledFails) {
  feed->onPoll = [](const auto&, const auto&) {
    auto outcome = FakeSource::failed("cancelled");
    outcome.status = DISPATCH_ERR_CANCELLED;
    return outcome;
  };
  options.retryFirst = 1h;
  options.retryMost = 2h;
  running();
  ASSERT_TRUE(shows("failures", 1));
}

TEST_P(Sources, ASentenceThatIsNotUtf8IsShownAllTheSame) {
  feed->onPoll = [](const auto&, const auto&) { return FakeSource::failed("caf\xe9 is closed", 3'600'000); };
  options.retryMost = 2h;
  running();
  ASSERT_TRUE(shows("failures", 1));
  EXPECT_EQ(poller->show(instance)["last_error"], "caf\xef\xbf\xbd is closed");
}

TEST_P(Sources, AskingNowCountsWhileOneIsUnderWay) {
  std::atomic<bool> go{false};
  feed->onPoll = [&](const std::string& cursor, const auto&) {
    while (!go) std::this_thread::sleep_for(1ms);
    return FakeSource::goOn(cursor + "+");
  };
  running();
  ASSERT_TRUE(soon([&] { return feed->cursors().size() == 1; }));
  poller->pollNow(instance, false, "ada@example.com");
  go = true;
  ASSERT_TRUE(shows("polls", 2));
  EXPECT_THAT(feed->cursors(), ElementsAre("", "+"));
}

}  // namespace
}  // namespace dispatch::source
