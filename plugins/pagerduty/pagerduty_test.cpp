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

/// The account of tests/integration/pagerduty/fake.py in small: service PSVC with policy PPOL.
class PagerDuty : public testing::Test {
 protected:
  PagerDuty() {
    settings = {{"api_key", host.secret("k3y")}, {"from_email", "bot@example.com"}};
    answers["GET /services/PSVC"] = {
        200,
        R"({"service": {"id": "PSVC", "escalation_policy": {"id": "PPOL", "type": "escalation_policy_reference"}}})"};
    answers["GET /escalation_policies/PPOL"] = {200, R"({"escalation_policy": {"id": "PPOL"}})"};
    answers["GET /schedules/PSCH"] = {200, R"({"schedule": {"id": "PSCH"}})"};
    answers["GET /oncalls"] =
        oncalls({turn("Grace", 2, "", ""), turn("Ada", 1, "2023-11-13T08:00:00Z", "2023-11-20T08:00:00Z")});
    answers["GET /users"] = {
        200,
        R"({"users": [{"id": "PBOT", "email": "Bot@example.com"}, {"id": "PADA", "email": "ada@example.com"}]})"};
    answers["POST /incidents"] = {
        201, R"({"incident": {"id": "PINC", "html_url": "https://acme.pagerduty.com/incidents/PINC"}})"};
    host.onHttp = [this](const HttpCall& call) -> HttpAnswer {
      EXPECT_EQ(call.header("Authorization"), "Token token=k3y");
      EXPECT_EQ(call.header("Accept"), "application/vnd.pagerduty+json;version=2");
      const std::string base = "https://api.pagerduty.com";
      EXPECT_TRUE(call.url.starts_with(base)) << call.url;
      const auto path = call.url.substr(base.size());
      const auto found = answers.find(call.method + ' ' + path.substr(0, path.find('?')));
      return found == answers.end() ? HttpAnswer{404, R"({"error": {"message": "Not Found", "code": 2100}})"}
                                    : found->second;
    };
  }
  static Json turn(const std::string& name, int level, const std::string& start, const std::string& end) {
    return {{"escalation_level", level},
            {"start", start.empty() ? Json() : Json(start)},
            {"end", end.empty() ? Json() : Json(end)},
            {"schedule", start.empty() ? Json() : Json{{"id", "PSCH"}}},
            {"user", {{"name", name}, {"email", name + "@Example.com"}}}};
  }
  static HttpAnswer oncalls(Json list, bool more = false) {
    return {200, Json{{"oncalls", std::move(list)}, {"more", more}}.dump()};
  }
  Outcome ask(const char* method, const char* id = "PSVC") {
    return host.load(dispatch_plugin_query_v1(), settings)
        .invoke(method, {{"service", {{"external_id", id}, {"name", "Checkout"}}}});
  }
  Outcome page(Json recipient = {{"email", "ada@example.com"}}) {
    return host.load(dispatch_plugin_query_v1(), settings)
        .invoke("page", {{"service", {{"external_id", "PSVC"}, {"name", "Checkout"}}},
                         {"incident",
                          {{"id", 1}, {"name", "dispatch-1"}, {"title", "Down"}, {"weblink", "https://d/1"}}},
                         {"recipient", std::move(recipient)}});
  }
  const HttpCall& last(const std::string& start) const {
    for (auto call = host.httpCalls.rbegin(); call != host.httpCalls.rend(); ++call)
      if ((call->method + ' ' + call->url).starts_with(start)) return *call;
    throw std::runtime_error("no request " + start);
  }

  FakeHost host;
  Json settings;
  std::map<std::string, HttpAnswer> answers;
};

TEST_F(PagerDuty, TheLowestLevelIsOnCall) {
  const Outcome outcome = ask("get");
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"email", "ada@example.com"}, {"name", "Ada"}}));
  const auto& url = last("GET https://api.pagerduty.com/oncalls").url;
  EXPECT_THAT(url, HasSubstr("escalation_policy_ids%5B%5D=PPOL"));
  EXPECT_THAT(url, HasSubstr("since=2023-11-14T22:13:20Z&until=2023-11-14T22:13:21Z"));
}

TEST_F(PagerDuty, WithoutAScheduleWhoIsNamedInThePolicyIsOnCall) {
  answers["GET /oncalls"] = oncalls({turn("Grace", 1, "", "")});
  EXPECT_EQ(ask("get").value["email"], "grace@example.com");
  const Outcome next = ask("get_next");
  EXPECT_EQ(next.status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_THAT(next.message, HasSubstr("is on call for good"));
}

TEST_F(PagerDuty, NobodyOnCallIsSaidAsIt) {
  answers["GET /oncalls"] = oncalls(Json::array());
  const Outcome outcome = ask("get");
  EXPECT_EQ(outcome.status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_THAT(outcome.message, HasSubstr("Nobody is on call for \"PSVC\" now"));
}

TEST_F(PagerDuty, PoliciesAndSchedulesAreServicesToo) {
  ASSERT_TRUE(ask("get", "PPOL").ok());
  EXPECT_THAT(last("GET https://api.pagerduty.com/oncalls").url,
              HasSubstr("escalation_policy_ids%5B%5D=PPOL"));
  ASSERT_TRUE(ask("get", "PSCH").ok());
  EXPECT_THAT(last("GET https://api.pagerduty.com/oncalls").url, HasSubstr("schedule_ids%5B%5D=PSCH"));
  const Outcome outcome = ask("get", "PNONE");
  EXPECT_EQ(outcome.status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_THAT(outcome.message, HasSubstr("no service, escalation policy or schedule \"PNONE\""));
}

TEST_F(PagerDuty, TheNextIsSomebodyElseOfTheSameLevel) {
  // The first of the answer's lowest level is who is on call now; the fake does not look at the time.
  answers["GET /oncalls"].body = Json{
      {"oncalls",
       {turn("Ada", 1, "2023-11-13T08:00:00Z", "2023-11-20T08:00:00Z"),
        turn("Alan", 1, "2023-11-27T08:00:00Z", "2023-12-04T08:00:00Z"),
        turn("Ada", 1, "2023-11-20T08:00:00Z", "2023-11-27T08:00:00Z"),
        turn("Grace", 2, "2023-11-20T08:00:00Z", "2023-11-27T08:00:00Z")}},
      {"more", false}}.dump();
  EXPECT_EQ(ask("get_next").value["email"], "alan@example.com");
}

TEST_F(PagerDuty, PagesAreFollowedAndBounded) {
  answers["GET /oncalls"] = oncalls({turn("Ada", 1, "", "")}, true);
  const Outcome outcome = ask("get");
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(last("GET https://api.pagerduty.com/oncalls").url, HasSubstr("offset=1900"));
}

TEST_F(PagerDuty, PagesTheOneWhoIsNamedOnceForAnIncident) {
  const Outcome outcome = page();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value,
            (Json{{"resource_id", "PINC"}, {"weblink", "https://acme.pagerduty.com/incidents/PINC"}}));
  const HttpCall& post = last("POST ");
  EXPECT_EQ(post.header("From"), "bot@example.com");
  const Json incident = Json::parse(post.body)["incident"];
  EXPECT_EQ(incident["incident_key"], "dispatch/dispatch-1");
  EXPECT_EQ(incident["service"], (Json{{"id", "PSVC"}, {"type", "service_reference"}}));
  EXPECT_EQ(incident["assignments"][0]["assignee"]["id"], "PADA");
  EXPECT_EQ(incident["urgency"], "high");

  answers["POST /incidents"] = {
      400,
      R"({"error": {"message": "Invalid Input Provided", "code": 2001, "errors": ["Open incident with matching dedup key already exists on this service"]}})"};
  answers["GET /incidents"] = {
      200, R"({"incidents": [{"id": "PINC", "html_url": "https://acme.pagerduty.com/incidents/PINC"}]})"};
  const Outcome again = page();
  ASSERT_TRUE(again.ok()) << again.message;
  EXPECT_EQ(again.value["resource_id"], "PINC");
}

TEST_F(PagerDuty, WhomPagerDutyDoesNotKnowThePolicyDecides) {
  ASSERT_TRUE(page({{"email", "stranger@example.com"}}).ok());
  EXPECT_FALSE(Json::parse(last("POST ").body)["incident"].contains("assignments"));
}

TEST_F(PagerDuty, EachFailureHasItsMeaning) {
  const auto failed = [&](HttpAnswer answer) {
    answers["POST /incidents"] = std::move(answer);
    return page();
  };
  EXPECT_THAT(failed({401, ""}).message, HasSubstr("Check \"API key\""));
  EXPECT_THAT(failed({403, ""}).message, HasSubstr("one that may write"));
  EXPECT_EQ(failed({404, ""}).status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_EQ(failed({429, "", {{"ratelimit-reset", "17"}}}).retryAfterMs, 17000U);
  EXPECT_EQ(failed({429, "", {{"ratelimit-reset", "soon"}}}).status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(failed({500, ""}).status, DISPATCH_ERR_UNAVAILABLE) << "repeating is safe";
  EXPECT_THAT(
      failed(
          {400, R"({"error": {"message": "Invalid Input Provided", "errors": ["Title cannot be empty."]}})"})
          .message,
      HasSubstr("HTTP 400, \"Invalid Input Provided; Title cannot be empty.\"."));
  EXPECT_EQ(host.load(dispatch_plugin_query_v1(), settings).effect("page"), DISPATCH_EFFECT_IDEMPOTENT);
}

TEST_F(PagerDuty, TestProvesTheSettingsAndPagesNobody) {
  host.directory["services"] = {{{"external_id", "PSVC"}, {"type", "pagerduty-oncall"}, {"is_active", true}},
                                {{"external_id", "other"}, {"type", "ical"}, {"is_active", true}}};
  const auto test = [&] { return host.load(dispatch_plugin_query_v1(), settings).test(); };
  Outcome outcome = test();
  EXPECT_EQ(outcome.value["ok"], true) << outcome.value;
  EXPECT_EQ(outcome.value["checks"].size(), 2U);
  EXPECT_THAT(outcome.value["checks"][1]["detail"].get<std::string>(),
              HasSubstr("ada@example.com is on call until 2023-11-20"));
  for (const HttpCall& call : host.httpCalls) EXPECT_EQ(call.method, "GET");
  answers["GET /users"] = {200, R"({"users": []})"};
  EXPECT_THAT(test().value["summary"].get<std::string>(),
              HasSubstr("no user bot@example.com: correct \"Paging as\""));
  answers["GET /users"] = {401, R"({"error": {"message": "Unauthorized"}})"};
  EXPECT_THAT(test().value["summary"].get<std::string>(),
              HasSubstr("HTTP 401, \"Unauthorized\". Check \"API key\""));
}

}  // namespace
