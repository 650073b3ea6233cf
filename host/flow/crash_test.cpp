#include "flow/testing/crash_flow.hpp"

#include "store/testing/test_database.hpp"

#include <gtest/gtest.h>

#include <spawn.h>
#include <sys/wait.h>
#include <csignal>
#include <filesystem>
#include <set>

extern char** environ;

namespace dispatch::flow {
namespace {

using testing::kCrashKind;

/// Ends the child with a status as waitpid() gives it.
int runChild(const store::Options& options, const std::string& deliveries, const std::string& failPointText) {
  const bool postgresql = options.dialect == store::Dialect::postgresql;
  std::string program = DISPATCH_CRASH_CHILD, dialect = postgresql ? "postgresql" : "sqlite";
  std::string where = postgresql ? options.connectionString : options.path, file = deliveries;
  char* arguments[] = {program.data(), dialect.data(), where.data(), file.data(), nullptr};
  std::vector<std::string> texts{"DISPATCH_FAIL_POINT=" + failPointText};
  for (char** one = environ; *one; ++one) texts.emplace_back(*one);
  std::vector<char*> environment;
  for (std::string& one : texts) environment.push_back(one.data());
  environment.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environment.data()) != 0) return -1;
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

const std::vector<std::string> kPlugin{"look", "make", "set", "tell", "many/1"};
const std::vector<std::string> kHost{"note", "many", "last"};

/// Where a server may die, and for which steps that place exists.
std::vector<std::pair<std::string, std::string>> places(const std::string& point) {
  std::vector<std::pair<std::string, std::string>> all;
  if (point == "flow.after_expand") return {{point, "many"}};
  for (const std::string& key : kPlugin) all.emplace_back(point, key);
  if (point != "flow.after_call")
    for (const std::string& key : kHost) all.emplace_back(point, key);
  return all;
}

struct CrashCase {
  store::Dialect dialect;
  std::string point;
};

std::vector<CrashCase> cases() {
  std::vector<CrashCase> all;
  for (const store::Dialect dialect : store::testing::dialects())
    for (const char* point : {"flow.before_claim", "flow.after_claim", "flow.before_call", "flow.after_call",
                              "flow.after_expand", "flow.before_commit", "flow.after_commit"})
      all.push_back({dialect, point});
  return all;
}

class Crash : public ::testing::TestWithParam<CrashCase> {};

TEST_P(Crash, LosesNothingAndDoublesNothing) {
  for (const auto& [point, key] : places(GetParam().point)) {
    SCOPED_TRACE(point + "@" + key);
    store::testing::TestDatabase database(GetParam().dialect);
    const std::string file = std::filesystem::temp_directory_path() / ("dispatch-deliveries-" + randomUuid());
    std::int64_t flowId = 0;
    {
      testing::Deliveries unused;
      testing::FakeIntegrations plugins(unused);
      const auto engine = Engine::open(*database, plugins);
      testing::defineCrashFlow(*engine);
      database->transact([&](store::Session& session) {
        flowId = engine->start(session, {.kind = kCrashKind,
                                         .subjectType = "incident",
                                         .subjectId = 1,
                                         .organizationId = 1,
                                         .projectId = 1});
      });
    }
    database.close();

    const int killed = runChild(database.options(), file, point + "@" + key);
    ASSERT_TRUE(WIFSIGNALED(killed) && WTERMSIG(killed) == SIGKILL)
        << "the place was not reached, status " << killed;
    const int finished = runChild(database.options(), file, "");
    ASSERT_TRUE(WIFEXITED(finished) && WEXITSTATUS(finished) == 0) << "status " << finished;

    const auto session = database->session();
    std::map<std::string, std::string> states;
    for (const store::Row& row :
         session->query("SELECT \"key\", state FROM flow_step WHERE flow_id = ? ORDER BY id", {flowId}))
      states[row.text("key")] = row.text("state");
    ASSERT_EQ(states.size(), 9u);

    std::map<std::string, int> raw;
    std::map<std::string, std::set<std::string>> keys;
    for (const Json& one : testing::readDeliveries(file)) {
      const std::string step = one.at("input").at("step").get<std::string>();
      ++raw[step];
      keys[step].insert(one.at("key").get<std::string>());
    }
    // Between "an attempt begins" and its recorded outcome nobody can tell what happened.
    const bool inDoubt =
        point == "flow.before_call" || point == "flow.after_call" || point == "flow.before_commit";
    const std::set<std::string> atMostOnce{"tell", "many/1", "many/2"};
    for (const auto& [step, state] : states) {
      SCOPED_TRACE(step + " is " + state);
      const bool doubtful = inDoubt && step == key && atMostOnce.contains(step);
      EXPECT_EQ(state, doubtful ? "uncertain" : "done");
      if (atMostOnce.contains(step)) {
        EXPECT_EQ(raw[step], doubtful && point == "flow.before_call" ? 0 : 1);
      }
      if (step == "make") {
        EXPECT_EQ(raw[step], 1) << "a findable effect is asked for, not repeated";
      }
      if (step == "set") {
        EXPECT_EQ(raw[step],
                  step == key && (point == "flow.after_call" || point == "flow.before_commit") ? 2 : 1);
        EXPECT_EQ(keys[step].size(), 1u) << "every try carries the same key";
      }
      const auto noted =
          session->one("SELECT count(*) AS n FROM audit WHERE action = ?", {step})->integer("n");
      EXPECT_EQ(noted, step == "look" || step == "set" || doubtful ? 0 : 1);
    }
    const auto flow = session->one("SELECT state FROM flow WHERE id = ?", {flowId});
    EXPECT_EQ(flow->text("state"), inDoubt && atMostOnce.contains(key) ? "waiting" : "done");
    std::filesystem::remove(file);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, Crash, ::testing::ValuesIn(cases()),
                         [](const ::testing::TestParamInfo<CrashCase>& info) {
                           std::string name =
                               store::testing::nameOf(info.param.dialect) + "_" + info.param.point.substr(5);
                           return name;
                         });

}  // namespace
}  // namespace dispatch::flow
