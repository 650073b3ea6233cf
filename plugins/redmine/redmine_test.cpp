#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::HttpAnswer;
using dispatch::testing::HttpCall;
using dispatch::testing::Json;
using dispatch::testing::Outcome;
using testing::HasSubstr;

const std::string base = "https://redmine.example.com/tracker";

/// A Redmine with one project, whose answers a test changes. The real one is asked in tests/full/redmine.
class Redmine : public testing::Test {
 protected:
  Redmine() {
    settings = {{"url", base + "/"},
                {"api_key", host.secret("k3y")},
                {"project", "ops"},
                {"status_stable", "resolved"},
                {"status_closed", "Closed"}};
    answers["GET /issue_statuses.json"] = {
        200,
        R"({"issue_statuses": [{"id": 1, "name": "New"}, {"id": 3, "name": "Resolved"}, {"id": 5, "name": "Closed"}]})"};
    answers["GET /enumerations/issue_priorities.json"] = {
        200, R"({"issue_priorities": [{"id": 2, "name": "Normal"}, {"id": 3, "name": "High"}]})"};
    answers["GET /projects/ops.json?include=trackers"] = {
        200,
        R"({"project": {"id": 1, "name": "Operations", "trackers": [{"id": 1, "name": "Bug"}, {"id": 9, "name": "Incident"}]}})"};
    answers["GET /users/current.json"] = {200, R"({"user": {"login": "dispatch"}})"};
    answers["POST /issues.json"] = {
        201, R"({"issue": {"id": 7, "status": {"id": 1, "name": "New"}, "is_private": false}})"};
    answers["GET /issues/7.json"] = {
        200,
        R"({"issue": {"id": 7, "status": {"id": 3, "name": "Resolved"}, "description": "Mine", "is_private": false}})"};
    answers["PUT /issues/7.json"] = answers["DELETE /issues/7.json"] = {204, ""};
    host.onHttp = [this](const HttpCall& call) -> HttpAnswer {
      EXPECT_EQ(call.header("X-Redmine-API-Key"), "k3y");
      EXPECT_TRUE(call.url.starts_with(base + "/")) << call.url;
      const auto key = call.method + ' ' + call.url.substr(base.size());
      const auto found = answers.find(key);
      if (found == answers.end()) return {404, "not in this test: " + key};
      return found->second;
    };
  }
  static Json incident(const std::string& status = "Active", const std::string& visibility = "Open") {
    return {{"id", 12},          {"name", "dispatch-default-default-12"},
            {"title", "Down"},   {"description", "It is down"},
            {"status", status},  {"visibility", visibility},
            {"priority", "High"}};
  }
  Outcome invoke(const char* method, Json input) {
    return host.load(dispatch_plugin_query_v1(), settings).invoke(method, std::move(input));
  }
  Outcome create(Json metadata = Json::object()) {
    return invoke("create", {{"incident", incident()}, {"metadata", std::move(metadata)}});
  }
  Json sent(const std::string& method) const {
    for (const HttpCall& call : host.httpCalls)
      if (call.method == method) return Json::parse(call.body).at("issue");
    return nullptr;
  }
  std::string logged() const {
    std::string all;
    for (const auto& [level, line] : host.logLines) all += line + '\n';
    return all;
  }
  static Json ticket() { return {{"resource_id", "7"}, {"weblink", base + "/issues/7"}}; }

  FakeHost host;
  Json settings;
  std::map<std::string, HttpAnswer> answers;
};

TEST_F(Redmine, CreatesAnIssue) {
  const Outcome outcome = create();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(
      outcome.value,
      (Json{{"resource_id", "7"}, {"weblink", base + "/issues/7"}, {"resource_type", "redmine-issue"}}));
  const Json issue = sent("POST");
  EXPECT_EQ(issue["project_id"], "ops");
  EXPECT_EQ(issue["subject"], "Down");
  EXPECT_EQ(issue["priority_id"], 3);
  EXPECT_EQ(issue["is_private"], false);
  EXPECT_FALSE(issue.contains("status_id")) << "no status is named for Active";
  EXPECT_FALSE(issue.contains("tracker_id"));
  EXPECT_THAT(issue["description"].get<std::string>(),
              HasSubstr("-- Incident dispatch-default-default-12, kept"));
}

TEST_F(Redmine, AnIncidentTypeHasItsOwnProjectTrackerAndFields) {
  answers["GET /projects/payments.json?include=trackers"] =
      answers["GET /projects/ops.json?include=trackers"];
  ASSERT_TRUE(create({{"project", "payments"}, {"tracker", "incident"}, {"cf_7", "Gold"}}).ok());
  const Json issue = sent("POST");
  EXPECT_EQ(issue["project_id"], "payments");
  EXPECT_EQ(issue["tracker_id"], 9);
  EXPECT_EQ(issue["custom_fields"], (Json{{{"id", 7}, {"value", "Gold"}}}));
  for (const char* key : {"cf_", "cf_x", "cf_1234567890"}) {
    const Outcome outcome = create({{key, "x"}});
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
    EXPECT_THAT(outcome.message, HasSubstr("should be cf_ and the number"));
  }
  const Outcome outcome = create({{"tracker", "Epic"}});
  EXPECT_THAT(outcome.message,
              HasSubstr("no tracker \"Epic\" there; it has Bug, Incident. Correct the incident type's"));
}

TEST_F(Redmine, ARestrictedIncidentIsAPrivateIssueIfRedmineAllows) {
  const auto reported = [&] { return invoke("create", {{"incident", incident("Active", "Restricted")}}); };
  ASSERT_TRUE(reported().ok());
  EXPECT_EQ(sent("POST")["is_private"], true);
  EXPECT_THAT(logged(), HasSubstr("is not private: Dispatch's role in Redmine lacks"));
  settings["private"] = false;
  host.httpCalls.clear();
  ASSERT_TRUE(reported().ok());
  EXPECT_FALSE(sent("POST").contains("is_private"));
}

TEST_F(Redmine, EachFailureHasItsMeaning) {
  const auto failed = [&](HttpAnswer answer) {
    answers["POST /issues.json"] = std::move(answer);
    return create();
  };
  EXPECT_EQ(failed({401, ""}).status, DISPATCH_ERR_DENIED);
  EXPECT_EQ(failed({403, ""}).status, DISPATCH_ERR_DENIED);
  EXPECT_EQ(failed({404, ""}).status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_EQ(failed({429, "", {}, std::chrono::seconds(9)}).retryAfterMs, 9000U);
  EXPECT_EQ(failed({500, ""}).status, DISPATCH_ERR_UNCERTAIN);
  EXPECT_EQ(failed({201, "<html>"}).status, DISPATCH_ERR_UNCERTAIN);
  EXPECT_EQ(failed({201, "{}"}).status, DISPATCH_ERR_UNCERTAIN);
  const Outcome refused = failed({422, R"({"errors": ["Cause cannot be blank", "Subject is too long"]})"});
  EXPECT_EQ(refused.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(refused.message,
              HasSubstr("HTTP 422, \"Cause cannot be blank; Subject is too long\". Fields that"));
  EXPECT_THAT(failed({302, "", {{"Location", "https://elsewhere.example.com/"}}}).message,
              HasSubstr("correct \"Server URL\""));
}

TEST_F(Redmine, FindsTheIssueOfAnIncident) {
  const std::string query =
      "GET "
      "/issues.json?set_filter=1&status_id=*&limit=25&description=~--%20Incident%20dispatch-default-default-"
      "12%2C%20kept"
      "%20up%20to%20date%20by%20Dispatch%20--";
  const std::string mark = "-- Incident dispatch-default-default-12, kept up to date by Dispatch --";
  answers[query] = {
      200, Json{{"issues",
                 {{{"id", 5}, {"description", "see " + mark}}, {{"id", 6}, {"description", mark + "\r\n"}}}}}
               .dump()};
  const Outcome found = invoke("find", {{"incident", incident()}});
  ASSERT_TRUE(found.ok()) << found.message;
  EXPECT_EQ(found.value["found"], true);
  EXPECT_EQ(found.value["resource_id"], "6");
  answers[query] = {200, R"({"issues": []})"};
  EXPECT_EQ(invoke("find", {{"incident", incident()}}).value, (Json{{"found", false}}));
}

TEST_F(Redmine, AnUpdateKeepsWhatPeopleWrote) {
  const Outcome outcome = invoke(
      "update",
      {{"ticket", ticket()}, {"incident", incident("Stable")}, {"links", {{"storage", "https://s/"}}}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  const Json issue = sent("PUT");
  EXPECT_EQ(issue["status_id"], 3);
  const auto description = issue["description"].get<std::string>();
  EXPECT_TRUE(description.starts_with("Mine\n\n-- Incident")) << description;
  EXPECT_THAT(description, HasSubstr("* storage: https://s/\n"));
  EXPECT_FALSE(issue.contains("project_id")) << "where the issue is, is decided by those who moved it";
}

TEST_F(Redmine, SaysThatTheWorkflowKeepsAStatus) {
  ASSERT_TRUE(invoke("update", {{"ticket", ticket()}, {"incident", incident("Closed")}}).ok());
  EXPECT_THAT(logged(), HasSubstr("Issue 7 stays in status \"Resolved\": Redmine's workflow"));
}

TEST_F(Redmine, AStatusThatIsNotThereIsNamed) {
  settings["status_closed"] = "Done";
  const Outcome outcome = invoke("update", {{"ticket", ticket()}, {"incident", incident("Closed")}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("no issue status \"Done\" there; it has New, Resolved, Closed."));
}

TEST_F(Redmine, DeletingWhatIsGoneIsDone) {
  EXPECT_TRUE(invoke("delete", {{"ticket", ticket()}}).ok());
  answers["DELETE /issues/7.json"] = {404, ""};
  EXPECT_TRUE(invoke("delete", {{"ticket", ticket()}}).ok());
  answers["DELETE /issues/7.json"] = {403, ""};
  EXPECT_THAT(invoke("delete", {{"ticket", ticket()}}).message, HasSubstr("permission to delete issues"));
}

TEST_F(Redmine, TestProvesTheSettingsAndCreatesNothing) {
  const auto test = [&] { return host.load(dispatch_plugin_query_v1(), settings).test(); };
  Outcome outcome = test();
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.value["ok"], true) << outcome.value;
  for (const HttpCall& call : host.httpCalls) EXPECT_EQ(call.method, "GET");
  answers["GET /users/current.json"] = {401, ""};
  outcome = test();
  EXPECT_EQ(outcome.value["ok"], false);
  EXPECT_THAT(outcome.value["summary"].get<std::string>(), HasSubstr("HTTP 401. Check \"API key\""));
  answers["GET /users/current.json"] = {200, R"({"user": {"login": "dispatch"}})"};
  settings["project"] = "nosuch";
  EXPECT_THAT(test().value["summary"].get<std::string>(),
              HasSubstr("Check \"Project\", which is the identifier"));
}

TEST_F(Redmine, RefusesAnAddressThatIsNone) {
  for (const char* url : {"ftp://x", "https://", "https://a b", "x", "https://a?b"}) {
    settings["url"] = url;
    EXPECT_EQ(host.tryLoad(dispatch_plugin_query_v1(), settings).status, DISPATCH_ERR_INVALID) << url;
  }
}

}  // namespace
