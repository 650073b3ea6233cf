// dispatch.metric/1, dispatch.exec/1 and dispatch.audit/1 in both homes.
#include "base/problem.hpp"
#include "base/utf8.hpp"
#include "plugin/metric.hpp"
#include "plugin/service/command.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <thread>

namespace dispatch::plugin {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OperationsTest : public testing::ProbeTest {
 protected:
  OperationsTest() {
    probe.manifest["metrics"] = {
        {{"name", "rows_total"}, {"kind", "counter"}, {"help", "Rows."}, {"labels", {"table"}}},
        {{"name", "queue_length"}, {"kind", "gauge"}, {"help", "Waiting."}},
        {{"name", "wait_seconds"}, {"kind", "histogram"}, {"help", "Waits."}, {"buckets", {0.1, 1}}}};
    probe.manifest["permissions"] = {
        {"commands", {"say", "sleep", "flood", "absent", "leaves", "not-allowed"}}};
    const auto shell = [](const std::string& name, const std::string& script) {
      return Command{"probe", name, {"/bin/sh", "-c", script}, 10s};
    };
    options.commands = {shell("say",
                              "cat; echo \" [$PWD] [$HOME] $(env | wc -l)\" | tr -d '\\n'; echo oops | tr -d "
                              "'\\n' >&2; exit 3"),
                        shell("sleep", "sleep 60 & echo $! >" + (directory / "child") + "; sleep 60"),
                        shell("flood", "yes"),
                        {"probe", "absent", {"/nowhere/program"}, 10s},
                        shell("leaves", "sleep 60 & printf %s $!; exit 0"),
                        {"another", "not-allowed", {"/bin/true"}, 10s}};
  }
  void record(Instance& instance, const std::string& name, const std::string& label, int thousandths) {
    ASSERT_TRUE(instance
                    .invoke("metric",
                            {{"name", name}, {"label", label}, {"thousandths", std::to_string(thousandths)}},
                            {})
                    .ok());
  }
  /// Whether a process comes to its end.
  static bool ends(const std::string& process) {
    const auto left = "/proc/" + std::to_string(std::stol(process)) + "/stat";
    for (int i = 0; i < 1000; ++i) {
      std::ifstream stat(left);
      std::string line;
      // What nobody has waited for yet is not running either: "123 (sleep) Z".
      if (!std::getline(stat, line) || line.find(") Z") != std::string::npos) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  /// A number from a worker comes over another socket than its answer.
  static std::vector<Metric> soon(Instance& instance,
                                  const std::function<bool(const std::vector<Metric>&)>& enough) {
    for (int i = 0; i < 2000 && !enough(instance.metrics()); ++i) std::this_thread::sleep_for(5ms);
    return instance.metrics();
  }
};

TEST_F(OperationsTest, CountersAddGaugesStandHistogramsFall) {
  const auto instance = started();
  record(*instance, "rows_total", "people", 2000);
  record(*instance, "rows_total", "people", 3000);
  record(*instance, "rows_total", "teams", 1000);
  record(*instance, "queue_length", "", 7000);
  record(*instance, "queue_length", "", 4000);
  record(*instance, "wait_seconds", "", 50);
  record(*instance, "wait_seconds", "", 500);
  record(*instance, "wait_seconds", "", 5000);
  const auto metrics = soon(*instance, [](const auto& all) { return all[2].samples.at(0).count == 3; });
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics[0].declared.name, "queue_length");
  EXPECT_EQ(metrics[0].samples.at(0).value, 4);
  ASSERT_EQ(metrics[1].samples.size(), 2u);
  EXPECT_THAT(metrics[1].samples[0].labels, ElementsAre("people"));
  EXPECT_EQ(metrics[1].samples[0].value, 5);
  EXPECT_EQ(metrics[1].samples[1].value, 1);
  EXPECT_NEAR(metrics[2].samples.at(0).value, 5.55, 1e-9);
  EXPECT_THAT(metrics[2].samples[0].buckets, ElementsAre(1u, 2u));
}

TEST_F(OperationsTest, NumbersThatAreNotDeclaredAreLeftOutWithOneLine) {
  testing::LogCapture log;
  const auto instance = started();
  record(*instance, "queue_length", "unwanted", 1000);
  record(*instance, "invented", "", 1000);
  record(*instance, "rows_total", "people", -1000);
  record(*instance, "queue_length", "", 9000);
  soon(*instance, [](const auto& all) { return all[0].samples.at(0).value == 9; });
  EXPECT_THAT(instance->metrics()[1].samples, IsEmpty());
  EXPECT_EQ(log.count("is left out"), 1u) << log.text();
}

TEST_F(OperationsTest, LabelsAreUtf8WhateverCame) {
  const auto instance = started();
  record(*instance, "rows_total", std::string(99, 'x') + "\xc3\xa4", 1000);
  record(*instance, "queue_length", "", 1000);
  const auto metrics = soon(*instance, [](const auto& all) { return all[0].samples.at(0).value == 1; });
  ASSERT_EQ(metrics[1].samples.size(), 1u);
  EXPECT_TRUE(isUtf8(metrics[1].samples[0].labels.at(0))) << metrics[1].samples[0].labels[0];
}

TEST_F(OperationsTest, CombinationsOfLabelsHaveAnEnd) {
  const auto instance = started();
  for (int i = 0; i < 130; ++i) record(*instance, "rows_total", "t" + std::to_string(i), 1000);
  record(*instance, "queue_length", "", 1000);
  const auto metrics = soon(*instance, [](const auto& all) { return all[0].samples.at(0).value == 1; });
  EXPECT_EQ(metrics[1].samples.size(), 100u);
}

TEST(MetricDeclarations, MistakesAreNamed) {
  const auto mistake = [](const char* json) {
    try {
      readMetrics(Json::parse(json));
    } catch (const Problem& problem) {
      return std::string(problem.what());
    }
    return std::string();
  };
  EXPECT_THAT(
      mistake(
          R"([{"name": "a", "kind": "gauge", "help": "x"}, {"name": "a", "kind": "gauge", "help": "x"}])"),
      HasSubstr("metrics[1] has the name a, as one before it"));
  EXPECT_THAT(mistake(R"([{"name": "a", "kind": "gauge", "help": "x", "labels": ["project"]}])"),
              HasSubstr("the label project, which is the host's own"));
  EXPECT_THAT(mistake(R"([{"name": "a", "kind": "gauge", "help": "x", "buckets": [1]}])"),
              HasSubstr("no histogram"));
  EXPECT_THAT(mistake(R"([{"name": "a_sum", "kind": "counter", "help": "x"},
                          {"name": "a", "kind": "histogram", "help": "x"}])"),
              HasSubstr("metrics[0] has a name that the histogram a needs"));
  EXPECT_THAT(mistake(R"([{"name": "a", "kind": "histogram", "help": "x", "buckets": [2, 1]}])"),
              HasSubstr("do not ascend"));
  EXPECT_EQ(
      readMetrics(Json::parse(R"([{"name": "a", "kind": "histogram", "help": "x"}])")).front().buckets.size(),
      11u);
}

TEST_F(OperationsTest, CommandGetsItsInputAndNothingElse) {
  const auto instance = started();
  const auto outcome = instance->invoke("exec", {{"name", "say"}, {"input", "hello"}}, {});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["code"], 3);
  EXPECT_EQ(outcome.value["output"], "hello [/] [] 3") << "PATH and LANG, and PWD, which the shell sets";
  EXPECT_EQ(outcome.value["errors"], "oops");
  const auto calls = instance->outbound();
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].method, "EXEC");
  EXPECT_EQ(calls[0].path, "say");
  EXPECT_EQ(calls[0].status, 3);
}

TEST_F(OperationsTest, CommandNeedsManifestAndOperator) {
  const auto instance = started();
  const auto other = instance->invoke("exec", {{"name", "not-allowed"}}, {});
  EXPECT_EQ(other.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(other.message, HasSubstr("commands: [{plugin: probe, name: not-allowed, run: [/full/path"));
  const auto invented = instance->invoke("exec", {{"name", "invented"}}, {});
  EXPECT_EQ(invented.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(invented.message, HasSubstr("does not ask for \"invented\" (permissions.commands:"));
  probe.manifest["permissions"] = Json::object();
  opened.reset();
  EXPECT_EQ(started()->invoke("exec", {{"name", "say"}}, {}).status, DISPATCH_ERR_UNSUPPORTED);
}

TEST_F(OperationsTest, CommandThatIsNotThereSaysSo) {
  const auto outcome = started()->invoke("exec", {{"name", "absent"}}, {});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(outcome.message, HasSubstr("(/nowhere/program) cannot be started: No such file or directory"));
}

TEST_F(OperationsTest, CommandEndsWithTheCallsDeadlineAndAllItStarted) {
  const auto instance = started();
  CallOptions options;
  options.timeout = 500ms;
  const auto outcome = instance->invoke("exec", {{"name", "sleep"}}, options);
  EXPECT_EQ(outcome.status, DISPATCH_ERR_TIMEOUT);
  EXPECT_TRUE(ends(testing::readFile(directory / "child")));
}

TEST_F(OperationsTest, CommandEndsWhenTheCallIsCancelled) {
  const auto instance = started();
  CallOptions options;
  options.cancellation = std::make_shared<Cancellation>();
  std::thread soon([&] {
    std::this_thread::sleep_for(50ms);
    options.cancellation->cancel();
  });
  EXPECT_EQ(instance->invoke("exec", {{"name", "sleep"}}, options).status, DISPATCH_ERR_CANCELLED);
  soon.join();
}

TEST_F(OperationsTest, CommandThatWritesWithoutEndIsEnded) {
  const auto outcome = started()->invoke("exec", {{"name", "flood"}}, {});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_LIMIT);
  EXPECT_THAT(outcome.message, HasSubstr("it wrote more than 1 MiB"));
}

TEST_F(OperationsTest, NothingOfACommandIsLeftBehind) {
  const auto outcome = started()->invoke("exec", {{"name", "leaves"}}, {});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["code"], 0);
  EXPECT_TRUE(ends(textOr(outcome.value, "output")));
}

TEST(Commands, AreReadStrictly) {
  const auto refusal = [](const char* yaml) {
    try {
      readCommands(Json::parse(yaml));
    } catch (const Problem& problem) {
      return std::string(problem.what());
    }
    return std::string();
  };
  const auto commands = readCommands(Json::parse(
      R"({"commands": [{"plugin": "acme", "name": "snap", "run": ["/bin/snap", "-v"], "timeout": 5}]})"));
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_THAT(commands[0].argv, ElementsAre("/bin/snap", "-v"));
  EXPECT_EQ(commands[0].timeout, 5s);
  EXPECT_THAT(readCommands(Json::object()), IsEmpty());
  EXPECT_THAT(refusal(R"({"commands": {}})"), HasSubstr("`commands:` must be a list"));
  EXPECT_THAT(refusal(R"({"commands": [{"plugin": "a", "name": "b", "run": ["snap"]}]})"),
              HasSubstr("entry 1 of `commands:` has a `run` that is not a program by its full path"));
  EXPECT_THAT(refusal(R"({"commands": [{"plugin": "a", "name": "b", "run": ["/x", 5]}]})"),
              HasSubstr("a list of texts (numbers in quotation marks)"));
  EXPECT_THAT(refusal(R"({"commands": [{"plugin": "a", "name": "b"}]})"),
              HasSubstr("does not say what to run"));
  EXPECT_THAT(refusal(R"({"commands": [{"plugin": "a", "name": "b", "run": ["/x"], "shell": true}]})"),
              HasSubstr("unknown key `shell`"));
  EXPECT_THAT(refusal(R"({"commands": [{"plugin": "a", "name": "b", "run": ["/x"], "timeout": 0}]})"),
              HasSubstr("not 1 to 3600 seconds"));
  EXPECT_THAT(refusal(R"({"commands": [{"plugin": "a", "name": "b", "run": ["/x"]},
                                       {"plugin": "a", "name": "b", "run": ["/y"]}]})"),
              HasSubstr("a second command b"));
}

TEST_F(OperationsTest, AuditEntriesStandUnderThePluginsName) {
  const auto instance = started({{"token", "s3cret-value"}});
  ASSERT_TRUE(
      instance->invoke("audit", {{"action", "room.archived"}, {"subject", "room 7 s3cret-value"}}, {}).ok());
  const auto audited = outside.audited();
  ASSERT_EQ(audited.size(), 1u);
  EXPECT_TRUE(audited[0].starts_with("plugin.probe.room.archived room 7 ")) << audited[0];
  EXPECT_EQ(audited[0].find("s3cret-value"), std::string::npos) << "secrets are blotted out";
}

TEST_F(OperationsTest, AuditRefusesWhatNobodyCouldFindAgain) {
  const auto instance = started();
  EXPECT_THAT(instance->invoke("audit", {{"action", "Has Spaces"}, {"subject", "x"}}, {}).message,
              HasSubstr("must be 1 to 64 of a-z"));
  EXPECT_EQ(instance->invoke("audit", {{"action", "ok"}, {"subject", ""}}, {}).status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outside.audited(), IsEmpty());
}

TEST_F(OperationsTest, AuditCannotBeFlooded) {
  const auto instance = started();
  int refused = 0;
  for (int i = 0; i < 130; ++i) {
    const auto outcome = instance->invoke("audit", {{"action", "a"}, {"subject", "s"}}, {});
    if (outcome.ok()) continue;
    ++refused;
    EXPECT_EQ(outcome.status, DISPATCH_ERR_LIMIT);
  }
  EXPECT_GE(refused, 1);
  EXPECT_GE(outside.audited().size(), 100u);
}

}  // namespace
}  // namespace dispatch::plugin
