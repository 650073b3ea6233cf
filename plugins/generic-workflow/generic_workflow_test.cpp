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

class GenericWorkflow : public testing::Test {
 protected:
  GenericWorkflow() {
    settings = {{"api_url", "https://automation.example.com/runs"},
                {"auth_header", host.secret("Bearer s3cret")}};
    host.onHttp = [this](const HttpCall&) { return answer; };
  }
  Outcome run(const std::string& key = "step-9") {
    return host.load(dispatch_plugin_query_v1(), settings)
        .invoke("run",
                {{"workflow_id", "restart"},
                 {"params", {{"service", "checkout"}}},
                 {"incident", {{"id", 1}, {"name", "dispatch-1"}, {"title", "t"}}}},
                {.idempotencyKey = key});
  }
  Outcome getInstance() {
    return host.load(dispatch_plugin_query_v1(), settings)
        .invoke("get_instance", {{"workflow_id", "re start"}, {"tags", {"dispatch-1", "a&b"}}});
  }
  Outcome test() { return host.load(dispatch_plugin_query_v1(), settings).test(); }

  FakeHost host;
  Json settings;
  HttpAnswer answer{
      200,
      R"({"status": "Running", "weblink": "https://a/77", "instance_id": "77", "artifacts": [{"weblink": "x"}]})"};
};

TEST_F(GenericWorkflow, StartsARun) {
  const Outcome outcome = run();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"status", "Running"},
                                 {"weblink", "https://a/77"},
                                 {"instance_id", "77"},
                                 {"artifacts", {{{"weblink", "x"}}}}}));
  ASSERT_EQ(host.httpCalls.size(), 1U);
  const HttpCall& call = host.httpCalls[0];
  EXPECT_EQ(call.method, "POST");
  EXPECT_EQ(call.url, "https://automation.example.com/runs");
  EXPECT_EQ(call.header("Authorization"), "Bearer s3cret");
  EXPECT_EQ(call.header("Content-Type"), "application/json");
  EXPECT_EQ(Json::parse(call.body), (Json{{"workflow_id", "restart"},
                                          {"params", {{"service", "checkout"}}},
                                          {"incident_name", "dispatch-1"}}));
  EXPECT_EQ(call.header("Idempotency-Key"), "");
}

TEST_F(GenericWorkflow, IsIdempotentOnlyWhereThePeerIsToldTheKey) {
  EXPECT_EQ(host.load(dispatch_plugin_query_v1(), settings).effect("run"), DISPATCH_EFFECT_AT_MOST_ONCE);
  settings["idempotency_key_header"] = "Idempotency-Key";
  EXPECT_EQ(host.load(dispatch_plugin_query_v1(), settings).effect("run"), DISPATCH_EFFECT_IDEMPOTENT);
  ASSERT_TRUE(run("step-9").ok());
  EXPECT_EQ(host.httpCalls[0].header("Idempotency-Key"), "step-9");
  EXPECT_EQ(host.load(dispatch_plugin_query_v1(), settings).effect("get_instance"), DISPATCH_EFFECT_READ);
}

TEST_F(GenericWorkflow, AsksHowARunStands) {
  answer.body = R"({"status": "completed"})";
  const Outcome outcome = getInstance();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["status"], "Completed");
  EXPECT_EQ(host.httpCalls[0].url,
            "https://automation.example.com/runs?workflow_id=re%20start&tags=dispatch-1&tags=a%26b");
  settings["api_url"] = "https://automation.example.com/runs?v=2";
  ASSERT_TRUE(getInstance().ok());
  EXPECT_THAT(host.httpCalls[1].url,
              testing::StartsWith("https://automation.example.com/runs?v=2&workflow_id="));
}

TEST_F(GenericWorkflow, PassesOnWhenToComeBack) {
  answer = {429, "slow down", {}, std::chrono::seconds(7)};
  const Outcome outcome = run();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(outcome.retryAfterMs, 7000U);
  EXPECT_EQ(outcome.message, "The workflow was not started: HTTP 429, \"slow down\".");
}

TEST_F(GenericWorkflow, EachHttpStatusHasItsMeaning) {
  const auto statusOf = [&](int http, bool start) {
    answer = {http, ""};
    return start ? run().status : getInstance().status;
  };
  for (const int http : {401, 403}) EXPECT_EQ(statusOf(http, true), DISPATCH_ERR_DENIED);
  EXPECT_EQ(statusOf(404, true), DISPATCH_ERR_NOT_FOUND);
  for (const int http : {400, 409, 422, 302}) EXPECT_EQ(statusOf(http, true), DISPATCH_ERR_INVALID);
  EXPECT_EQ(statusOf(503, true), DISPATCH_ERR_UNAVAILABLE);
  // A 502 or 504 comes from a gateway; the server behind it may have started the run.
  for (const int http : {500, 502, 504}) {
    EXPECT_EQ(statusOf(http, true), DISPATCH_ERR_UNCERTAIN);
    EXPECT_EQ(statusOf(http, false), DISPATCH_ERR_UNAVAILABLE);
  }
}

TEST_F(GenericWorkflow, AnUnusableAnswerToAStartIsUncertain) {
  for (const char* body : {"<html>ok</html>", "[]", R"({"status": "Exploded"})", "{}"}) {
    answer = {200, body};
    EXPECT_EQ(run().status, DISPATCH_ERR_UNCERTAIN) << body;
    EXPECT_EQ(getInstance().status, DISPATCH_ERR_UNAVAILABLE) << body;
  }
}

TEST_F(GenericWorkflow, KeepsTheHostsJudgementWhereNoAnswerCame) {
  for (const auto status : {DISPATCH_ERR_UNAVAILABLE, DISPATCH_ERR_UNCERTAIN, DISPATCH_ERR_DENIED}) {
    answer = HttpAnswer::failed(status, "The host's own sentence.");
    const Outcome outcome = run();
    EXPECT_EQ(outcome.status, status);
    EXPECT_EQ(outcome.message, "The host's own sentence.");
  }
}

TEST_F(GenericWorkflow, TestStartsNothing) {
  answer = {204, ""};
  Outcome outcome = test();
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.value["ok"], true);
  ASSERT_EQ(host.httpCalls.size(), 1U);
  EXPECT_EQ(host.httpCalls[0].method, "OPTIONS");

  answer = {405, ""};
  outcome = test();
  EXPECT_EQ(host.httpCalls.back().method, "GET");
  EXPECT_EQ(outcome.value["ok"], true);
}

TEST_F(GenericWorkflow, TestSaysWhatIsWrong) {
  const auto verdict = [&](HttpAnswer given) {
    answer = std::move(given);
    const Outcome outcome = test();
    EXPECT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value["ok"], false);
    return outcome.value["summary"].get<std::string>();
  };
  EXPECT_THAT(verdict({401, "bad token"}), HasSubstr("\"bad token\". Check \"Authorization header\""));
  EXPECT_THAT(verdict({429, "slow down"}),
              HasSubstr("asked less often: HTTP 429, \"slow down\". Test again later."));
  EXPECT_THAT(verdict({500, ""}), HasSubstr("not well: HTTP 500"));
  EXPECT_THAT(verdict({404, ""}), HasSubstr("nothing at this address"));
  EXPECT_THAT(verdict({301, "", {{"Location", "https://new.example.com/"}}}),
              HasSubstr("https://new.example.com/"));
  EXPECT_THAT(verdict(HttpAnswer::failed(DISPATCH_ERR_DENIED, "Not granted.")), HasSubstr("Not granted."));
}

TEST_F(GenericWorkflow, RefusesSettingsThatCannotWork) {
  for (const char* url : {"ftp://x", "https://", "https://a b", "x"}) {
    settings["api_url"] = url;
    EXPECT_EQ(host.tryLoad(dispatch_plugin_query_v1(), settings).status, DISPATCH_ERR_INVALID) << url;
  }
  settings["api_url"] = "https://x";
  settings["idempotency_key_header"] = "Authorization";
  EXPECT_EQ(host.tryLoad(dispatch_plugin_query_v1(), settings).status, DISPATCH_ERR_INVALID);
}

TEST_F(GenericWorkflow, AsksAsItsRecordingsSay) {
  for (const char* file : {"/run.har", "/get_instance.har", "/test.har"}) {
    FakeHost replaying;
    auto& recorded = replaying.replay(std::string(DISPATCH_RECORDINGS) + file);
    const Outcome outcome = replaying.callRecorded(dispatch_plugin_query_v1());
    EXPECT_EQ(outcome.value, recorded.recording().call.expected["answer"]) << file << ": " << outcome.message;
    EXPECT_THAT(recorded.unexpected(), testing::IsEmpty());
    EXPECT_THAT(recorded.unasked(), testing::IsEmpty());
  }
}

TEST_F(GenericWorkflow, WorksWithoutAuthorization) {
  settings.erase("auth_header");
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(host.httpCalls[0].header("Authorization"), "");
}

}  // namespace
