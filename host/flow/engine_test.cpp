#include "flow/flow.hpp"

#include "base/base.hpp"
#include "flow/testing/fake_integrations.hpp"
#include "store/testing/test_database.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <set>
#include <thread>

namespace dispatch::flow {
namespace {

using namespace std::chrono_literals;
using plugin::Effect;
using testing::answer;
using testing::refusal;

std::variant<Json, Skip> nothing(StepContext&) { return Json::object(); }

class FlowEngine : public store::testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    open();
  }
  void TearDown() override {
    engine.reset();
    DatabaseTest::TearDown();
  }

  void open(EngineOptions options = {.retryFirst = 1ms, .retryMost = 5ms, .heartbeat = 50ms}) {
    engine = Engine::open(db(), plugins, options);
  }

  void define(const char* steps, std::map<std::string, Binding> bindings) {
    engine->define(Definition::parse({{"kind", "test"}, {"title", "Test"}, {"steps", Json::parse(steps)}}),
                   std::move(bindings));
  }

  std::int64_t start(const Json& input = Json::object()) {
    return db().transactReturning<std::int64_t>([&](store::Session& session) {
      return engine->start(session, {.kind = "test",
                                     .subjectType = "incident",
                                     .subjectId = 7,
                                     .organizationId = 1,
                                     .projectId = 1,
                                     .input = input});
    });
  }

  store::Row step(const std::string& key) {
    auto row = db().session()->one("SELECT * FROM flow_step WHERE \"key\" = ?", {key});
    if (!row) throw std::runtime_error("no step " + key);
    return *row;
  }
  std::string state(const std::string& key) { return step(key).text("state"); }
  std::string flowState() { return db().session()->one("SELECT state FROM flow")->text("state"); }

  /// Waits until `key` is in `wanted`; the state it is in after ten seconds otherwise.
  std::string await(const std::string& key, const std::string& wanted) {
    return awaitThat(
        [&] {
          const auto row = db().session()->one("SELECT state FROM flow_step WHERE \"key\" = ?", {key});
          return row ? row->text("state") : std::string("absent");
        },
        wanted);
  }
  std::string awaitFlow(const std::string& wanted) {
    return awaitThat([&] { return flowState(); }, wanted);
  }
  static std::string awaitThat(const std::function<std::string()>& look, const std::string& wanted) {
    std::string found;
    for (const auto end = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < end;) {
      if ((found = look()) == wanted) return found;
      std::this_thread::sleep_for(5ms);
    }
    return found;
  }

  testing::Deliveries deliveries;
  testing::FakeIntegrations plugins{deliveries};
  std::unique_ptr<Engine> engine;
};
DISPATCH_TEST_ON_BOTH_DATABASES(FlowEngine);

TEST_P(FlowEngine, GivesEachStepWhatItNeedsInOrder) {
  plugins.enable("ticket").on("create", Effect::findable,
                              plugins.counted("ticket", "create", {{"resource_id", "T-1"}}));
  std::atomic<int> applied{0};
  define(
      R"([{"key": "last", "title": "L", "needs": ["make"], "wants": ["first"]}, {"key": "make", "title": "M", "plugin": "ticket",
           "method": "create", "wants": ["first"]}, {"key": "first", "title": "F"}])",
      {{"first", {.run = [](StepContext& context) -> std::variant<Json, Skip> {
          return Json{{"saw", context.flowInput.at("x")}};
        }}},
       {"make",
        {.prepare = [](StepContext& context) -> std::variant<Json, Skip> { return context.output("first"); },
         .apply = [&](StepContext&, const Json&) { ++applied; }}},
       {"last",
        {.run = [](StepContext& context) -> std::variant<Json, Skip> { return context.output("make"); }}}});
  start({{"x", 42}});
  engine->run();
  EXPECT_EQ(awaitFlow("done"), "done");
  EXPECT_EQ(step("last").json("output"), (Json{{"resource_id", "T-1"}}));
  ASSERT_EQ(deliveries.count("ticket", "create"), 1u);
  EXPECT_EQ(deliveries.all()[0].input, (Json{{"saw", 42}}));
  EXPECT_EQ(applied, 1);
  EXPECT_EQ(step("make").text("effect"), "findable");
}

TEST_P(FlowEngine, RunsNothingOfATransactionThatRollsBack) {
  define(R"([{"key": "a", "title": "A"}])", {{"a", {.run = nothing}}});
  engine->run();
  EXPECT_THROW(db().transact([&](store::Session& session) {
    engine->start(
        session,
        {.kind = "test", .subjectType = "incident", .subjectId = 7, .organizationId = 1, .projectId = 1});
    throw std::runtime_error("the incident could not be written");
  }),
               std::runtime_error);
  EXPECT_EQ(db().session()->one("SELECT count(*) AS n FROM flow")->integer("n"), 0);
  EXPECT_EQ(db().session()->one("SELECT count(*) AS n FROM flow_step")->integer("n"), 0);
  start();
  EXPECT_EQ(awaitFlow("done"), "done") << "and goes on working";
}

TEST_P(FlowEngine, CommitsInputAndKeyBeforeTheCall) {
  Json seen;
  plugins.enable("email").on(
      "send", Effect::atMostOnce, [&](const Json& input, const plugin::CallOptions& options) {
        const auto row = step("a");
        seen = {{"state", row.text("state")},
                {"input", row.json("input")},
                {"unknown", row.boolean("outcome_unknown")},
                {"keys_agree",
                 row.text("idempotency_key") == options.idempotencyKey && !options.idempotencyKey.empty()},
                {"given", input}};
        return answer(Json::object());
      });
  define(R"([{"key": "a", "title": "A", "plugin": "email", "method": "send"}])",
         {{"a", {.prepare = [](StepContext&) -> std::variant<Json, Skip> {
             return Json{{"to", "ada"}};
           }}}});
  start();
  engine->run();
  EXPECT_EQ(awaitFlow("done"), "done");
  EXPECT_EQ(seen, (Json{{"state", "running"},
                        {"input", {{"to", "ada"}}},
                        {"unknown", true},
                        {"keys_agree", true},
                        {"given", {{"to", "ada"}}}}));
}

TEST_P(FlowEngine, AFailedStepHoldsBackOnlyWhatNeedsIt) {
  std::atomic<bool> broken{true};
  plugins.enable("ticket").on("create", Effect::findable, [&](const Json&, const plugin::CallOptions&) {
    return broken ? refusal(DISPATCH_ERR_DENIED, "The token was refused.") : answer({{"resource_id", "T-1"}});
  });
  std::vector<std::string> told;
  define(R"([{"key": "make", "title": "Make", "plugin": "ticket", "method": "create"},
             {"key": "needs", "title": "Needs", "needs": ["make"]}, {"key": "further", "title": "Further", "needs": ["needs"]},
             {"key": "wants", "title": "Wants", "wants": ["make", "further"]}])",
         {{"make",
           {.failed =
                [&](StepContext&, const std::string& state, const std::string& reason) {
                  told = {state, reason};
                }}},
          {"needs", {.run = nothing}},
          {"further", {.run = nothing}},
          {"wants", {.run = nothing}}});
  start();
  engine->run();
  EXPECT_EQ(await("wants", "done"), "done");
  EXPECT_EQ(state("make"), "failed");
  EXPECT_EQ(step("make").text("reason"), "The token was refused.");
  EXPECT_EQ(told, (std::vector<std::string>{"failed", "The token was refused."}));
  EXPECT_EQ(state("needs"), "waiting");
  EXPECT_EQ(state("further"), "waiting");
  EXPECT_EQ(flowState(), "waiting");
  broken = false;
  engine->retry(step("make").integer("id"), "ada@example.com");
  EXPECT_EQ(awaitFlow("done"), "done");
  EXPECT_EQ(state("further"), "done");
  EXPECT_EQ(step("make").text("actor"), "ada@example.com");
}

TEST_P(FlowEngine, SkippingAFailedStepFreesWhatNeedsIt) {
  plugins.enable("ticket").on("create", Effect::findable, [](const Json&, const plugin::CallOptions&) {
    return refusal(DISPATCH_ERR_INVALID, "No.");
  });
  Json seen = "unset";
  define(
      R"([{"key": "make", "title": "Make", "plugin": "ticket", "method": "create"}, {"key": "then", "title": "T", "needs": ["make"]}])",
      {{"make", {}}, {"then", {.run = [&](StepContext& context) -> std::variant<Json, Skip> {
                        seen = context.output("make");
                        return Skip{"no ticket"};
                      }}}});
  start();
  engine->run();
  EXPECT_EQ(await("then", "waiting"), "waiting");
  engine->skip(step("make").integer("id"), "ada@example.com");
  EXPECT_EQ(awaitFlow("done"), "done");
  EXPECT_TRUE(seen.is_null());
  EXPECT_EQ(step("make").text("reason"), "Skipped by ada@example.com.");
  EXPECT_EQ(state("then"), "skipped");
}

TEST_P(FlowEngine, AMissingPluginIsSkippedAtOnceAndRetryableOnceEnabled) {
  define(
      R"([{"key": "make", "title": "Make", "plugin": "ticket", "method": "create"}, {"key": "mails", "title": "Mails", "plugin": "email"}])",
      {{"make", {}}, {"mails", {.run = nothing}}});
  start();
  engine->run();
  EXPECT_EQ(awaitFlow("done"), "done");
  EXPECT_EQ(state("make"), "skipped");
  EXPECT_EQ(step("make").text("reason"),
            "No ticket plugin is enabled in project default. Enable one under Settings > Plugins.");
  EXPECT_EQ(state("mails"), "skipped")
      << "a host step that works through a plugin type is skipped without one as well";
  EXPECT_EQ(engine->retryMissing("incident", 7, "ada@example.com"), 0);
  plugins.enable("ticket").on("create", Effect::findable,
                              plugins.counted("ticket", "create", Json::object()));
  EXPECT_EQ(engine->retryMissing("incident", 7, "ada@example.com"), 1);
  EXPECT_EQ(await("make", "done"), "done");
  EXPECT_EQ(state("mails"), "skipped");
}

TEST_P(FlowEngine, TriesAgainUntilTheTriesAreUsedUp) {
  plugins.enable("contact").on("get", Effect::read, plugins.counted("contact", "get", [](const Json&) {
    return refusal(DISPATCH_ERR_UNAVAILABLE, "Down.");
  }));
  engine.reset();
  open({.tries = 3, .retryFirst = 1ms, .retryMost = 2ms, .heartbeat = 50ms});
  define(R"([{"key": "a", "title": "A", "plugin": "contact", "method": "get"}])", {{"a", {}}});
  start();
  engine->run();
  EXPECT_EQ(awaitFlow("done with failures"), "done with failures");
  EXPECT_EQ(deliveries.count("contact", "get"), 3u);
  EXPECT_EQ(step("a").integer("attempt"), 3);
  std::set<std::string> keys;
  for (const auto& one : deliveries.all()) keys.insert(one.key);
  EXPECT_EQ(keys.size(), 1u);
}

TEST_P(FlowEngine, HonoursRetryAfter) {
  plugins.enable("contact").on("get", Effect::read, [](const Json&, const plugin::CallOptions&) {
    return refusal(DISPATCH_ERR_UNAVAILABLE, "Slow down.", 3600000);
  });
  define(R"([{"key": "a", "title": "A", "plugin": "contact", "method": "get"}])", {{"a", {}}});
  start();
  engine->run();
  EXPECT_EQ(awaitThat([&] { return step("a").text("reason"); }, "Slow down."), "Slow down.");
  EXPECT_EQ(state("a"), "pending");
  EXPECT_GT(parseInstant(step("a").text("next_try_at")).value(), now() + 59min);
  EXPECT_EQ(flowState(), "running");
  plugins.enable("contact").on("get", Effect::read, plugins.counted("contact", "get", Json::object()));
  engine->retry(step("a").integer("id"), "ada@example.com");
  EXPECT_EQ(awaitFlow("done"), "done") << "a person need not wait for it";
}

TEST_P(FlowEngine, AnEnabledPluginThatIsDownIsTriedAgain) {
  plugins.takeDown("contact", "The plugin cannot be started now.");
  engine.reset();
  open({.tries = 1000, .retryFirst = 1ms, .retryMost = 20ms, .heartbeat = 50ms});
  define(R"([{"key": "a", "title": "A", "plugin": "contact", "method": "get"}])", {{"a", {}}});
  start();
  engine->run();
  EXPECT_EQ(awaitThat([&] { return step("a").text("reason"); }, "The plugin cannot be started now."),
            "The plugin cannot be started now.");
  plugins.enable("contact").on("get", Effect::read, plugins.counted("contact", "get", Json::object()));
  EXPECT_EQ(awaitFlow("done"), "done");
}

TEST_P(FlowEngine, AMailOfUnknownFateIsUncertainUntilAPersonDecides) {
  std::atomic<bool> hangs{true};
  plugins.enable("email").on("send", Effect::atMostOnce, plugins.counted("email", "send", [&](const Json&) {
    return hangs ? refusal(DISPATCH_ERR_TIMEOUT, "No answer after DATA.") : answer(Json::object());
  }));
  define(
      R"([{"key": "a", "title": "A", "plugin": "email", "method": "send"}, {"key": "b", "title": "B", "plugin": "email", "method": "send", "wants": ["a"]}])",
      {{"a", {}}, {"b", {}}});
  start();
  engine->run();
  EXPECT_EQ(await("b", "uncertain"), "uncertain");
  EXPECT_EQ(state("a"), "uncertain");
  EXPECT_EQ(awaitFlow("waiting"), "waiting");
  EXPECT_EQ(deliveries.count("email", "send"), 2u) << "nothing is sent again by itself";
  engine->confirmSent(step("a").integer("id"), "ada@example.com");
  EXPECT_EQ(state("a"), "done");
  EXPECT_EQ(step("a").text("reason"), "Confirmed by ada@example.com.");
  hangs = false;
  engine->retry(step("b").integer("id"), "ada@example.com");
  EXPECT_EQ(awaitFlow("done"), "done");
  EXPECT_EQ(deliveries.count("email", "send"), 3u);
  EXPECT_THROW(engine->confirmSent(step("b").integer("id"), "ada@example.com"), Problem);
  EXPECT_THROW(engine->skip(step("b").integer("id"), "ada@example.com"), Problem);
  EXPECT_THROW(engine->retry(999999, "ada@example.com"), Problem);
}

TEST_P(FlowEngine, AsksBeforeItRepeatsWhatCanBeFound) {
  std::atomic<int> created{0};
  std::atomic<bool> exists{false};
  plugins.enable("ticket")
      .on("create", Effect::findable,
          plugins.counted("ticket", "create",
                          [&](const Json&) {
                            // The first takes place and its answer is lost; so does the answer of one that
                            // did not take place.
                            if (++created == 1) exists = true;
                            return refusal(DISPATCH_ERR_TIMEOUT, "No answer.");
                          }))
      .on("find", Effect::read, [&](const Json&, const plugin::CallOptions&) {
        return exists ? answer({{"found", true}, {"resource_id", "T-1"}}) : answer({{"found", false}});
      });
  define(R"([{"key": "make", "title": "Make", "plugin": "ticket", "method": "create"}])", {{"make", {}}});
  start();
  engine->run();
  EXPECT_EQ(awaitFlow("done"), "done");
  EXPECT_EQ(deliveries.count("ticket", "create"), 1u);
  EXPECT_EQ(step("make").json("output"), (Json{{"resource_id", "T-1"}}));
}

TEST_P(FlowEngine, RepeatsWhatWasLookedForAndNotFound) {
  std::atomic<int> created{0};
  plugins.enable("ticket")
      .on("create", Effect::findable,
          plugins.counted("ticket", "create",
                          [&](const Json&) {
                            return ++created == 1 ? refusal(DISPATCH_ERR_TIMEOUT, "No answer.")
                                                  : answer({{"resource_id", "T-2"}});
                          }))
      .on("find", Effect::read, plugins.counted("ticket", "find", Json{{"found", false}}));
  define(R"([{"key": "make", "title": "Make", "plugin": "ticket", "method": "create"}])", {{"make", {}}});
  start();
  engine->run();
  EXPECT_EQ(awaitFlow("done"), "done");
  EXPECT_EQ(deliveries.count("ticket", "create"), 2u);
  EXPECT_EQ(deliveries.count("ticket", "find"), 1u);
}

TEST_P(FlowEngine, WhatCannotBeAskedIsUncertain) {
  plugins.enable("ticket").on("create", Effect::findable,
                              plugins.counted("ticket", "create", [](const Json&) {
                                return refusal(DISPATCH_ERR_TIMEOUT, "No answer.");
                              }));
  define(R"([{"key": "make", "title": "Make", "plugin": "ticket", "method": "create"}])", {{"make", {}}});
  start();
  engine->run();
  EXPECT_EQ(await("make", "uncertain"), "uncertain");
  EXPECT_EQ(deliveries.count("ticket", "create"), 1u);
}

TEST_P(FlowEngine, AnAnswerThatCannotBeRecordedIsNotFetchedTwice) {
  plugins.enable("email").on("send", Effect::atMostOnce, plugins.counted("email", "send", Json{{"id", 5}}));
  std::atomic<bool> broken{true};
  define(R"([{"key": "a", "title": "A", "plugin": "email", "method": "send"}])",
         {{"a", {.apply = [&](StepContext&, const Json& output) {
             if (broken) throw std::runtime_error("the disk is full");
             EXPECT_EQ(output, (Json{{"id", 5}}));
           }}}});
  start();
  engine->run();
  EXPECT_EQ(await("a", "failed"), "failed");
  EXPECT_NE(step("a").text("reason").find("the disk is full"), std::string::npos);
  broken = false;
  engine->retry(step("a").integer("id"), "ada@example.com");
  EXPECT_EQ(awaitFlow("done"), "done");
  EXPECT_EQ(deliveries.count("email", "send"), 1u);
}

TEST_P(FlowEngine, WaitsForAllChildrenOfAStepThatExpands) {
  std::mutex mutex;
  std::condition_variable released;
  bool open = false;
  plugins.enable("email").on("send", Effect::atMostOnce,
                             plugins.counted("email", "send", [&](const Json& input) {
                               if (input.at("n") == 2) {
                                 std::unique_lock lock(mutex);
                                 released.wait_for(lock, 10s, [&] { return open; });
                               }
                               return answer({{"sent", input.at("n")}});
                             }));
  std::vector<StepResult> seen;
  define(
      R"([{"key": "many", "title": "Many", "plugin": "email"}, {"key": "after", "title": "After", "wants": ["many"]}])",
      {{"many",
        {.run = nothing,
         .expand =
             [](StepContext&, const Json&) {
               std::vector<Child> children;
               for (int n = 1; n <= 3; ++n)
                 children.push_back({.key = std::to_string(n),
                                     .title = "Mail",
                                     .pluginType = "email",
                                     .method = "send",
                                     .input = {{"n", n}}});
               return children;
             }}},
       {"after", {.run = [&](StepContext& context) -> std::variant<Json, Skip> {
          seen = context.children("many");
          return Json::object();
        }}}});
  start();
  engine->run();
  EXPECT_EQ(await("many/3", "done"), "done");
  EXPECT_EQ(state("after"), "pending");
  {
    std::lock_guard lock(mutex);
    open = true;
  }
  released.notify_all();
  EXPECT_EQ(awaitFlow("done"), "done");
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[1].key, "many/2");
  EXPECT_EQ(seen[1].output, (Json{{"sent", 2}}));
  EXPECT_EQ(step("many/2").integer("parent_id"), step("many").integer("id"));
}

TEST_P(FlowEngine, ASlowPluginDoesNotStarveTheOthers) {
  std::atomic<bool> release{false};
  std::atomic<int> inside{0}, most{0};
  plugins.enable("email").on("send", Effect::atMostOnce, [&](const Json&, const plugin::CallOptions&) {
    most = std::max(most.load(), ++inside);
    for (int i = 0; i < 1000 && !release; ++i) std::this_thread::sleep_for(10ms);
    --inside;
    return answer(Json::object());
  });
  plugins.enable("ticket").on("create", Effect::findable,
                              plugins.counted("ticket", "create", Json::object()));
  define(
      R"([{"key": "many", "title": "Many", "plugin": "email"}, {"key": "make", "title": "Make", "plugin": "ticket", "method": "create", "wants": ["gate"]},
             {"key": "gate", "title": "Gate"}])",
      {{"gate", {.run = nothing}},
       {"make", {}},
       {"many",
        {.run = nothing, .expand = [](StepContext&, const Json&) {
           std::vector<Child> children;
           for (int n = 1; n <= 50; ++n)
             children.push_back(
                 {.key = std::to_string(n), .title = "Mail", .pluginType = "email", .method = "send"});
           return children;
         }}}});
  start();
  engine->run();
  EXPECT_EQ(await("make", "done"), "done");
  start();
  EXPECT_EQ(awaitThat([&] { return std::to_string(deliveries.count("ticket", "create")); }, "2"), "2")
      << "also behind fifty waiting mails";
  EXPECT_LE(most.load(), 2);
  release = true;
  EXPECT_EQ(awaitFlow("done"), "done");
}

TEST_P(FlowEngine, TellsOpenPagesOfEveryState) {
  std::mutex mutex;
  std::vector<std::string> heard;
  const auto subscription = db().events().subscribe([&](const store::Event& event) {
    std::lock_guard lock(mutex);
    if (event.subject == "flow_step" && event.data.at("incident_id") == 7 && event.organizationId == 1)
      heard.push_back(event.data.at("key").get<std::string>() + " " +
                      event.data.at("state").get<std::string>());
    if (event.subject == "flow") heard.push_back("flow " + event.data.at("state").get<std::string>());
  });
  define(R"([{"key": "a", "title": "A"}])", {{"a", {.run = nothing}}});
  start();
  engine->run();
  EXPECT_EQ(awaitThat(
                [&] {
                  std::lock_guard lock(mutex);
                  return heard.empty() ? std::string() : heard.back();
                },
                "flow done"),
            "flow done");
  std::lock_guard lock(mutex);
  EXPECT_EQ(heard,
            (std::vector<std::string>{"flow running", "a pending", "a running", "a done", "flow done"}));
}

TEST_P(FlowEngine, KeepsTheDefinitionAFlowBeganWith) {
  define(R"([{"key": "a", "title": "Old title"}, {"key": "b", "title": "B", "wants": ["a"]}])",
         {{"a", {.run = nothing}}, {"b", {.run = nothing}}});
  const std::int64_t id = start();
  const std::string digest = engine->definition("test").digest();
  engine.reset();
  open();
  define(R"([{"key": "b", "title": "New title"}])", {{"a", {.run = nothing}}, {"b", {.run = nothing}}});
  engine->run();
  EXPECT_EQ(awaitFlow("done"), "done");
  const auto row = db().session()->one("SELECT definition, definition_digest FROM flow WHERE id = ?", {id});
  EXPECT_EQ(row->text("definition_digest"), digest);
  EXPECT_EQ(row->json("definition").at("steps").size(), 2u);
  EXPECT_EQ(state("a"), "done");
}

TEST_P(FlowEngine, ACancelledFlowBeginsNothingMore) {
  plugins.enable("contact").on("get", Effect::read, [](const Json&, const plugin::CallOptions&) {
    return refusal(DISPATCH_ERR_DENIED, "No.");
  });
  define(
      R"([{"key": "a", "title": "A", "plugin": "contact", "method": "get"}, {"key": "b", "title": "B", "needs": ["a"]}])",
      {{"a", {}}, {"b", {.run = nothing}}});
  start();
  engine->run();
  EXPECT_EQ(await("b", "waiting"), "waiting");
  db().transact(
      [&](store::Session& session) { engine->cancel(session, "incident", 7, "The incident was deleted."); });
  EXPECT_EQ(state("b"), "skipped");
  EXPECT_EQ(step("a").text("reason"), "The incident was deleted.");
  EXPECT_THROW(engine->retry(step("a").integer("id"), "ada@example.com"), Problem);
}

TEST_P(FlowEngine, OffersToRetryWhatWasSkippedOnlyWhereThatCanChangeAnything) {
  define(R"([{"key": "rule", "title": "R"}, {"key": "list", "title": "L"}])",
         {{"rule", {.run = [](StepContext&) -> std::variant<Json, Skip> { return Skip{"as before"}; }}},
          {"list", {.run = [](StepContext&) -> std::variant<Json, Skip> {
             return Skip{.reason = "none is set up", .retryable = true};
           }}}});
  start();
  engine->run();
  EXPECT_EQ(awaitFlow("done"), "done");
  const Json steps = engine->describe(*db().session(), "incident", 7)[0]["steps"];
  EXPECT_EQ(steps[0]["actions"], Json::array());
  EXPECT_EQ(steps[1]["actions"], (Json{"retry"}));
  EXPECT_THROW(engine->retry(step("rule").integer("id"), "ada@example.com"), Problem);
  engine->retry(step("list").integer("id"), "ada@example.com");
  EXPECT_EQ(awaitFlow("done"), "done");
}

TEST_P(FlowEngine, StopsWithinItsLimitAndLeavesTheRestToRecovery) {
  std::mutex mutex;
  std::condition_variable change;
  bool entered = false, leave = false, left = false;
  plugins.enable("email").on("send", Effect::atMostOnce, [&](const Json&, const plugin::CallOptions&) {
    std::unique_lock lock(mutex);
    entered = true;
    change.notify_all();
    change.wait_for(lock, 10s, [&] { return leave; });
    left = true;
    change.notify_all();
    return answer(Json::object());
  });
  define(R"([{"key": "a", "title": "A", "plugin": "email", "method": "send"}])", {{"a", {}}});
  start();
  engine->run();
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(change.wait_for(lock, 10s, [&] { return entered; }));
  }
  const auto began = std::chrono::steady_clock::now();
  engine->stop(50ms);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  {
    std::unique_lock lock(mutex);
    leave = true;
    change.notify_all();
    change.wait_for(lock, 10s, [&] { return left; });
  }
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(state("a"), "running") << "the answer came too late to be recorded by this host";
  engine.reset();
  open();
  define(R"([{"key": "a", "title": "A", "plugin": "email", "method": "send"}])", {{"a", {}}});
  engine->run();
  EXPECT_EQ(await("a", "uncertain"), "uncertain");
}

TEST_P(FlowEngine, DescribesStepsWithWhatAPersonMayDo) {
  define(R"([{"key": "a", "title": "A thing", "plugin": "contact", "method": "get"}])", {{"a", {}}});
  start();
  engine->run();
  EXPECT_EQ(awaitFlow("done"), "done");
  const Json flows = engine->describe(*db().session(), "incident", 7);
  ASSERT_EQ(flows.size(), 1u);
  EXPECT_EQ(flows[0]["kind"], "test");
  EXPECT_EQ(flows[0]["title"], "Test");
  const Json& shown = flows[0]["steps"][0];
  EXPECT_EQ(shown["title"], "A thing");
  EXPECT_EQ(shown["state"], "skipped");
  EXPECT_EQ(shown["actions"], (Json{"retry"}));
  EXPECT_TRUE(engine->describe(*db().session(), "incident", 8).empty());
}

TEST_P(FlowEngine, ManyFlowsAtOnceEachRunOnce) {
  plugins.enable("ticket").on("create", Effect::findable,
                              plugins.counted("ticket", "create", Json{{"resource_id", "T"}}));
  define(
      R"([{"key": "a", "title": "A"}, {"key": "b", "title": "B"}, {"key": "make", "title": "M", "plugin": "ticket", "method": "create", "wants": ["a", "b"]}])",
      {{"a", {.run = nothing}}, {"b", {.run = nothing}}, {"make", {}}});
  engine->run();
  // On PostgreSQL a second host shares the work.
  std::unique_ptr<Engine> second;
  if (GetParam() == store::Dialect::postgresql) {
    second = Engine::open(db(), plugins, {.retryFirst = 1ms, .heartbeat = 50ms});
    second->define(engine->definition("test"),
                   {{"a", {.run = nothing}}, {"b", {.run = nothing}}, {"make", {}}});
    second->run();
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) start();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(
      awaitThat(
          [&] {
            return std::to_string(
                db().session()->one("SELECT count(*) AS n FROM flow WHERE state = 'done'")->integer("n"));
          },
          "40"),
      "40");
  EXPECT_EQ(deliveries.count("ticket", "create"), 40u);
}

}  // namespace
}  // namespace dispatch::flow
