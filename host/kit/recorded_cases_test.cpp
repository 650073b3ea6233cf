#include "kit/recorded_cases.hpp"
#include "base/base.hpp"
#include "kit/files.hpp"
#include "kit/record_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

namespace dispatch::kit {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using State = Verdict::State;

/// The package of plugins/generic-workflow, in both homes, with a recording as an author would write it.
class RecordedCases : public ::testing::Test {
 protected:
  RecordedCases() {
    recording.exchanges.push_back(
        {{"POST",
          "https://automation.example.com/runs",
          {{"Accept", "application/json"},
           {"Authorization", "[secret]"},
           {"Content-Type", "application/json"}},
          R"({"workflow_id": "restart", "params": {}, "incident_name": "dispatch-1"})"},
         {201, R"({"status": "Running", "instance_id": "77"})", {{"Content-Type", "application/json"}}}});
    recording.call.method = "run";
    recording.call.input = {{"workflow_id", "restart"},
                            {"params", Json::object()},
                            {"incident", {{"id", 1}, {"name", "dispatch-1"}, {"title", "t"}}}};
    recording.call.configuration = {{"api_url", "https://automation.example.com/runs"},
                                    {"auth_header", "[secret]"}};
    recording.call.expected = {
        {"status", "OK"},
        {"answer", {{"status", "Running"}, {"instance_id", "77"}, {"artifacts", Json::array()}}}};
    options.recordings = directory.path();
  }
  /// check [home] -> its finding
  std::map<std::string, Verdict> tested() {
    writeFile(directory.path() + "/run.har", testing::toHar(recording, {"test", "1"}).dump());
    std::map<std::string, Verdict> all;
    for (const auto& finding : testRecordedCases(equipment, package, options).findings)
      all[finding.check + ' ' + finding.home] = finding.verdict;
    return all;
  }
  /// The one finding of the case as recorded, in a worker.
  Verdict asRecorded() {
    options.faults = false;
    options.home = "worker";
    return tested().at("run worker");
  }
  std::string refusal() {
    try {
      tested();
    } catch (const Problem& problem) {
      return problem.what();
    }
    return "none";
  }

  const TemporaryDirectory directory;
  const std::string package = DISPATCH_TEST_PACKAGES "/generic-workflow";
  const Equipment equipment{DISPATCH_CONTRACTS, DISPATCH_TEMPLATES, DISPATCH_WORKER_PROGRAM, "", ""};
  testing::Recording recording;
  RecordedCasesOptions options;
};

TEST_F(RecordedCases, RunInBothHomesAndWithEveryExchangeBroken) {
  const auto found = tested();
  EXPECT_EQ(found.size(), 14u);
  for (const auto& [name, verdict] : found)
    EXPECT_EQ(verdict.state, State::ok) << name << ": " << verdict.sentence;
  EXPECT_EQ(found.at("run process").sentence, "As recorded, with 1 exchange.");
  EXPECT_THAT(found.at("run/1/500 worker").sentence, HasSubstr("UNCERTAIN: The API failed: HTTP 500"));
}

TEST_F(RecordedCases, AChangedRequestIsRefusedWithWhatDiffers) {
  recording.call.input["workflow_id"] = "stop";
  const auto found = tested();
  for (const char* home : {"worker", "process"}) {
    const auto& verdict = found.at(std::string("run ") + home);
    EXPECT_EQ(verdict.state, State::failed);
    EXPECT_THAT(
        verdict.sentence,
        AllOf(HasSubstr("POST https://automation.example.com/runs was asked for, which run.har has not"),
              HasSubstr("in the body workflow_id is \"stop\", recorded is \"restart\"")));
  }
  EXPECT_THAT(found.at("run/1/500 worker").sentence, HasSubstr("does not go as recorded"));
}

TEST_F(RecordedCases, AnExchangeMoreOrLessIsTold) {
  recording.exchanges.push_back({{"GET", "https://automation.example.com/runs/77", {}, ""}, {200, "{}"}});
  auto verdict = asRecorded();
  EXPECT_EQ(verdict.state, State::ok);
  EXPECT_THAT(verdict.sentence,
              HasSubstr("not asked for: number 2, GET https://automation.example.com/runs/77"));
  recording.exchanges.clear();
  verdict = asRecorded();
  EXPECT_EQ(verdict.state, State::failed);
  EXPECT_THAT(verdict.sentence, HasSubstr("run.har has no exchange at all"));
}

TEST_F(RecordedCases, AnotherAnswerFails) {
  recording.call.expected["answer"]["instance_id"] = "78";
  EXPECT_THAT(asRecorded().sentence, HasSubstr("instance_id is \"77\", recorded is \"78\""));
}

TEST_F(RecordedCases, WhereThePluginMayNotGoTheRecordingDoesNotHelp) {
  recording.call.configuration["api_url"] = "http://127.0.0.1:9/runs";
  recording.exchanges[0].request.url = "http://127.0.0.1:9/runs";
  EXPECT_EQ(asRecorded().state, State::ok) << "there is no network, so a private one does no harm";
  options.configuration = {{"api_url", "https://automation.example.com/other"}};
  EXPECT_THAT(
      asRecorded().sentence,
      HasSubstr("the address is https://automation.example.com/other, recorded is http://127.0.0.1:9/runs"));
}

TEST_F(RecordedCases, ARecordingThatCannotBeReplayedSaysWhy) {
  recording.call.method.clear();
  EXPECT_THAT(asRecorded().sentence, HasSubstr("run.har has exchanges alone. Say in log._dispatch"));
  recording.call.method = "run";
  recording.call.configuration.erase("api_url");
  EXPECT_THAT(asRecorded().sentence, HasSubstr("api_url"));
  writeFile(directory.path() + "/bad.har", "{");
  options.only = {"bad"};
  EXPECT_THAT(tested().at("bad worker").sentence, HasSubstr("bad.har is not JSON"));
  options.only = {"rum"};
  EXPECT_THAT(refusal(), HasSubstr("did you mean run?"));
  options.only.clear();
  options.recordings = directory.path() + "/none";
  EXPECT_THAT(refusal(), HasSubstr("/none holds no recordings (*.har)"));
}

TEST_F(RecordedCases, AFailureBeforeAnyExchangeLeavesNoRecording) {
  RecordCallOptions given;
  given.file = directory.path() + "/new.har";
  given.call.home = "worker";
  given.call.method = "nosuch";
  given.call.configuration = {{"api_url", "https://automation.example.com/runs"}};
  auto done = recordCall(equipment, package, given);
  EXPECT_EQ(done.at("status"), "UNSUPPORTED");
  EXPECT_TRUE(done.at("file").is_null());
  given.call.method = "run";  // without what its contract asks for
  done = recordCall(equipment, package, given);
  EXPECT_EQ(done.at("status"), "INVALID");
  EXPECT_TRUE(done.at("file").is_null());
  EXPECT_FALSE(std::filesystem::exists(given.file));
}

TEST_F(RecordedCases, WhatCannotBeRecordedIsRefusedBeforeAnythingIsCalled) {
  const auto refused = [&](RecordCallOptions given) {
    given.file = directory.path() + "/new.har";
    if (given.call.method.empty()) given.call.method = "run";
    given.call.home = "worker";
    try {
      recordCall(equipment, package, given);
    } catch (const Problem& problem) {
      return std::string(problem.what());
    }
    return std::string("none");
  };
  RecordCallOptions given;
  given.call.configuration = {{"api_url", "https://automation.example.com/runs"}, {"auth_header", "short"}};
  EXPECT_THAT(refused(given), HasSubstr("fewer than 8 bytes"));
  given.call.configuration["auth_header"] = "Bearer long-enough";
  given.call.method = "decrypt";
  EXPECT_THAT(refused(given), HasSubstr("The answer of decrypt is a secret"));
  writeFile(directory.path() + "/new.har", "mine");
  given.call.method = "run";
  EXPECT_THAT(refused(given), HasSubstr("new.har is there already. Nothing was called."));
  EXPECT_EQ(readFile(directory.path() + "/new.har"), "mine");
  given.file = directory.path() + "/nosuch/new.har";
  EXPECT_THROW(recordCall(equipment, package, given), Problem);
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/nosuch"));
}

}  // namespace
}  // namespace dispatch::kit
