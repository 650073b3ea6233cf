#include "feed.hpp"

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
using testing::IsEmpty;

// The clock of the fake host begins on 14 November 2023, 22:13:20 UTC, a Tuesday.
std::string shift(const char* start, const char* end, const char* who) {
  return std::string("BEGIN:VEVENT\r\nUID:") + start + who + "\r\nDTSTART:" + start + "\r\nDTEND:" + end +
         "\r\nSUMMARY:On call\r\nATTENDEE;CN=" + who + ":mailto:" + who + "@example.com\r\nEND:VEVENT\r\n";
}
std::string feed(const std::string& inside) {
  return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + inside + "END:VCALENDAR\r\n";
}

class ICal : public testing::Test {
 protected:
  ICal() {
    settings = {{"url", "https://calendars.example.com/teams/{service}.ics"}};
    host.onHttp = [this](const HttpCall&) { return answer; };
  }
  Outcome ask(const char* method, const std::string& id = "checkout") {
    return host.load(dispatch_plugin_query_v1(), settings)
        .invoke(method, {{"service", {{"external_id", id}}}});
  }
  Outcome get(const std::string& id = "checkout") { return ask("get", id); }
  Outcome test(const Json& input = {{"service", "checkout"}}) {
    return host.load(dispatch_plugin_query_v1(), settings).test(input);
  }
  std::string email(const char* method) {
    const Outcome outcome = ask(method);
    return outcome.ok() ? outcome.value["email"].get<std::string>() : outcome.message;
  }

  FakeHost host;
  Json settings;
  HttpAnswer answer{200, feed(shift("20231113T090000Z", "20231120T090000Z", "grace") +
                              shift("20231120T090000Z", "20231127T090000Z", "grace") +
                              shift("20231127T090000Z", "20231204T090000Z", "ada"))};
};

TEST_F(ICal, SaysWhoIsOnCall) {
  settings["auth_header"] = host.secret("Basic c2VjcmV0");
  const Outcome outcome = get("pay ment/eu");
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"email", "grace@example.com"}, {"name", "grace"}}));
  ASSERT_EQ(host.httpCalls.size(), 1U);
  EXPECT_EQ(host.httpCalls[0].method, "GET");
  EXPECT_EQ(host.httpCalls[0].url, "https://calendars.example.com/teams/pay%20ment%2Feu.ics");
  EXPECT_EQ(host.httpCalls[0].header("Authorization"), "Basic c2VjcmV0");
  EXPECT_EQ(host.httpCalls[0].header("Accept"), "text/calendar");
  EXPECT_EQ(host.httpCalls[0].header("If-None-Match"), "");
  EXPECT_EQ(host.load(dispatch_plugin_query_v1(), settings).effect("page"), 0U);
}

TEST_F(ICal, AnswersByTheClock) {
  host.advance(std::chrono::hours(24 * 14));
  EXPECT_EQ(email("get"), "ada@example.com");
  host.advance(std::chrono::hours(24 * 14));
  const Outcome outcome = get();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_EQ(outcome.message,
            "Nobody is on call at 2023-12-12 22:13 UTC by the feed "
            "https://calendars.example.com/teams/checkout.ics, which has 3 events.");
}

TEST_F(ICal, TheNextIsSomebodyElse) {
  EXPECT_EQ(email("get_next"), "ada@example.com");
  // An exception in the week of the first comes before.
  answer.body = feed(shift("20231113T090000Z", "20231120T090000Z", "grace") +
                     shift("20231115T090000Z", "20231115T170000Z", "alan"));
  EXPECT_EQ(email("get_next"), "alan@example.com");
  // While he stands in, she is next again.
  host.advance(std::chrono::hours(12));
  EXPECT_EQ(email("get"), "alan@example.com");
  EXPECT_EQ(email("get_next"), "grace@example.com");
}

TEST_F(ICal, TheNextAfterNobodyIsWhoeverComes) {
  answer.body = feed(shift("20231201T090000Z", "20231202T090000Z", "ada"));
  EXPECT_EQ(get().status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_EQ(email("get_next"), "ada@example.com");
}

TEST_F(ICal, WithoutAnybodyElseThereIsNoNext) {
  answer.body = feed(
      "BEGIN:VEVENT\r\nDTSTART:20231113T090000Z\r\nDURATION:P1W\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:GRACE@"
      "example.com\r\n"
      "END:VEVENT\r\n" +
      shift("20231120T090000Z", "20231127T090000Z", "grace"));
  const Outcome outcome = ask("get_next");
  EXPECT_EQ(outcome.status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_THAT(outcome.message, HasSubstr("Nobody else is on call within a year after 2023-11-14 22:13 UTC"));
}

TEST_F(ICal, SaysHowManyEventsNameNobody) {
  settings["person"] = "summary";
  EXPECT_THAT(get().message,
              HasSubstr("3 events, of which 3 name no e-mail address where the setting \"Person\" says."));
}

TEST_F(ICal, AnEventThatNamesNobodyHidesNobody) {
  answer.body = feed(shift("20231113T090000Z", "20231120T090000Z", "grace") +
                     "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20231114\r\nSUMMARY:Holiday\r\nEND:VEVENT\r\n");
  EXPECT_EQ(email("get"), "grace@example.com");
}

TEST_F(ICal, AsksAgainByETag) {
  answer.headers = {{"ETag", "W/\"v1\""}, {"Last-Modified", "Mon, 13 Nov 2023 09:00:00 GMT"}};
  auto plugin = host.load(dispatch_plugin_query_v1(), settings);
  const Json service{{"service", {{"external_id", "checkout"}}}};
  ASSERT_TRUE(plugin.invoke("get", service).ok());
  answer = {304, ""};
  EXPECT_EQ(plugin.invoke("get", service).value["email"], "grace@example.com");
  EXPECT_EQ(host.httpCalls[1].header("If-None-Match"), "W/\"v1\"");
  EXPECT_EQ(host.httpCalls[1].header("If-Modified-Since"), "");
  EXPECT_EQ(plugin.invoke("get_next", service).value["email"], "ada@example.com");
  // Another feed has a copy of its own, and a new text replaces the old one.
  EXPECT_EQ(plugin.invoke("get", {{"service", {{"external_id", "other"}}}}).status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(host.httpCalls.back().header("If-None-Match"), "");
  answer = {200,
            feed(shift("20231113T090000Z", "20231120T090000Z", "ada")),
            {{"Last-Modified", "Tue, 14 Nov 2023 09:00:00 GMT"}}};
  EXPECT_EQ(plugin.invoke("get", service).value["email"], "ada@example.com");
  answer = {304, ""};
  EXPECT_EQ(plugin.invoke("get", service).value["email"], "ada@example.com");
  EXPECT_EQ(host.httpCalls.back().header("If-None-Match"), "");
  EXPECT_EQ(host.httpCalls.back().header("If-Modified-Since"), "Tue, 14 Nov 2023 09:00:00 GMT");
}

TEST_F(ICal, TheLastCopyServesForADayWhenThereIsNoAnswer) {
  auto plugin = host.load(dispatch_plugin_query_v1(), settings);
  const Json service{{"service", {{"external_id", "checkout"}}}};
  ASSERT_TRUE(plugin.invoke("get", service).ok());
  for (const HttpAnswer& none : {HttpAnswer{503, ""}, HttpAnswer{200, "<html>"},
                                 HttpAnswer::failed(DISPATCH_ERR_TIMEOUT, "No answer."),
                                 HttpAnswer::failed(DISPATCH_ERR_UNCERTAIN, "It broke off.")}) {
    answer = none;
    EXPECT_EQ(plugin.invoke("get", service).value["email"], "grace@example.com");
  }
  ASSERT_FALSE(host.logLines.empty());
  EXPECT_THAT(host.logLines.back().second, HasSubstr("as it was at 2023-11-14 22:13 UTC serves"));
  // Who is told that the feed is gone, or closed to us, must not be answered from memory.
  for (const int status : {401, 404, 410}) {
    answer = {status, ""};
    EXPECT_FALSE(plugin.invoke("get", service).ok()) << status;
  }
  answer = {503, ""};
  host.advance(std::chrono::hours(25));
  EXPECT_EQ(plugin.invoke("get", service).status, DISPATCH_ERR_UNAVAILABLE);
}

TEST_F(ICal, EachHttpStatusHasItsMeaning) {
  const auto statusOf = [&](int http) {
    answer = {http, ""};
    return get().status;
  };
  for (const int http : {401, 403, 407}) EXPECT_EQ(statusOf(http), DISPATCH_ERR_DENIED) << http;
  for (const int http : {404, 410}) EXPECT_EQ(statusOf(http), DISPATCH_ERR_NOT_FOUND) << http;
  for (const int http : {400, 406, 301, 302}) EXPECT_EQ(statusOf(http), DISPATCH_ERR_INVALID) << http;
  for (const int http : {304, 408, 425, 429, 500, 502, 503, 504})
    EXPECT_EQ(statusOf(http), DISPATCH_ERR_UNAVAILABLE) << http;
  answer = {429, "slow down", {}, std::chrono::seconds(7)};
  EXPECT_EQ(get().retryAfterMs, 7000U);
  EXPECT_EQ(get().message,
            "The feed https://calendars.example.com/teams/checkout.ics could not be read: HTTP 429, \"slow "
            "down\".");
  answer = {301, "", {{"Location", "https://new.example.com/x.ics"}}};
  EXPECT_THAT(get().message, HasSubstr("moved to https://new.example.com/x.ics"));
}

TEST_F(ICal, KeepsTheHostsJudgementWhereNoAnswerCame) {
  for (const auto status : {DISPATCH_ERR_UNAVAILABLE, DISPATCH_ERR_DENIED, DISPATCH_ERR_LIMIT}) {
    answer = HttpAnswer::failed(status, "The host's own sentence.");
    EXPECT_EQ(get().status, status);
    EXPECT_EQ(get().message, "The host's own sentence.");
  }
}

TEST_F(ICal, WhatIsNoCalendarIsTold) {
  answer.body = "<html>\r\nPlease log in</html>";
  EXPECT_EQ(get().status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(get().message,
              HasSubstr("no whole iCalendar stream: it holds no VCALENDAR. It begins with \"<html>"));
  answer.body = feed(shift("20231113T090000Z", "20231120T090000Z", "grace"));
  answer.body.resize(answer.body.size() / 2);
  EXPECT_THAT(get().message, HasSubstr("it ends inside a VEVENT"));
}

TEST_F(ICal, WhatCannotBeKnownIsToldAndWhereToChangeIt) {
  answer.body = feed(
      "BEGIN:VEVENT\r\nUID:7\r\nDTSTART:20230101T090000Z\r\nDURATION:PT8H\r\nRRULE:FREQ=HOURLY;INTERVAL="
      "12\r\n"
      "SUMMARY:grace@example.com\r\nEND:VEVENT\r\n");
  for (const char* method : {"get", "get_next"}) {
    const Outcome outcome = ask(method);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
    EXPECT_THAT(outcome.message, HasSubstr("RRULE:FREQ=HOURLY;INTERVAL=12 cannot be followed"));
    EXPECT_THAT(
        outcome.message,
        HasSubstr("Change it in the calendar behind https://calendars.example.com/teams/checkout.ics."));
  }
}

TEST_F(ICal, WholeAddressesStayBelowTheOneOfTheSettings) {
  const auto url = [&](const char* id) { return ical::feedUrl(settings["url"].get<std::string>(), id); };
  EXPECT_EQ(url("https://calendars.example.com/teams/a/b.ics?key=1"),
            "https://calendars.example.com/teams/a/b.ics?key=1");
  EXPECT_EQ(url("webcal://calendars.example.com/teams/x"), "https://calendars.example.com/teams/x");
  EXPECT_EQ(url(" checkout "), "https://calendars.example.com/teams/checkout.ics");
  for (const char* id :
       {"https://calendars.example.com/other/b.ics", "https://calendars.example.com.evil.example/teams/b.ics",
        "http://calendars.example.com/teams/b.ics", "https://calendars.example.com/teams/../other",
        "https://calendars.example.com/teams/%2E%2e/other", "https://calendars.example.com/teams/a b"})
    EXPECT_THAT(get(id).message, HasSubstr("should begin with https://calendars.example.com/teams/")) << id;
  for (const char* id : {" ", ".", "..", "../other", "a/../../b"})
    EXPECT_EQ(get(id).status, DISPATCH_ERR_INVALID) << id;
  EXPECT_THAT(host.httpCalls, IsEmpty());
}

TEST_F(ICal, WithoutAPatternAnExternalIdIsAnAddress) {
  for (const auto& [setting, folder] :
       std::map<std::string, std::string>{{"https://c.example.com", "https://c.example.com/"},
                                          {"https://c.example.com/", "https://c.example.com/"},
                                          {"https://c.example.com/a/feed.ics", "https://c.example.com/a/"},
                                          {"https://c.example.com?x=/y", "https://c.example.com/"},
                                          {"https://c.example.com/a/?key=/b/", "https://c.example.com/a/"}}) {
    settings["url"] = setting;
    EXPECT_THAT(get("checkout").message, HasSubstr("beginning with " + folder + ".")) << setting;
    EXPECT_TRUE(get(folder + "x.ics").ok()) << setting;
    EXPECT_EQ(host.httpCalls.back().url, folder + "x.ics");
  }
}

TEST_F(ICal, RefusesSettingsThatCannotWork) {
  for (const char* url :
       {"ftp://x", "https://", "https://a b", "x", "https://{service}.example.com/",
        "https://a/{service}/{service}", "https://a/{service}/{x}", "https://a/#{service}"}) {
    settings["url"] = url;
    const Outcome outcome = host.tryLoad(dispatch_plugin_query_v1(), settings);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID) << url;
    EXPECT_THAT(outcome.message, HasSubstr("\"url\"")) << url;
  }
  settings["url"] = "https://a/{service}";
  settings["person"] = "location";
  EXPECT_THAT(host.tryLoad(dispatch_plugin_query_v1(), settings).message, HasSubstr("\"person\""));
  settings["person"] = "auto";
  settings["time_zone"] = "CET-1CEST,M3.5.0";
  EXPECT_THAT(host.tryLoad(dispatch_plugin_query_v1(), settings).message, HasSubstr("\"time_zone\""));
}

TEST_F(ICal, TestReadsTheFeedOfAService) {
  Outcome outcome = test();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["ok"], true);
  EXPECT_EQ(outcome.value["summary"], "1 feed can be read.");
  EXPECT_EQ(outcome.value["checks"][0]["detail"],
            "The feed has 3 events. On call until 2023-11-20 09:00 UTC at most: grace@example.com.");
  answer.body = feed(
      "X-WR-TIMEZONE:Europe/"
      "Berlin\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20231101\r\nSUMMARY:a@b.example\r\nEND:VEVENT\r\n");
  EXPECT_EQ(test().value["checks"][0]["detail"],
            "The feed has 1 event. Nobody is on call now. 1 of them are for whole days or name no time zone; "
            "they count in UTC, while "
            "the feed calls its own zone Europe/Berlin.");
}

TEST_F(ICal, TestReadsTheFeedsOfTheProject) {
  host.directory["services"] = {
      {{"id", 1}, {"name", "Checkout"}, {"external_id", "checkout"}, {"type", "ical"}},
      {{"id", 2}, {"name", "Other"}, {"external_id", "P123"}, {"type", "pagerduty"}},
      {{"id", 3}, {"name", "Old"}, {"external_id", "old"}, {"is_active", false}},
      {{"id", 4}, {"name", "Search"}, {"external_id", "search"}},
      {{"id", 5}, {"name", "None"}}};
  EXPECT_EQ(test(Json::object()).value["summary"], "2 feeds can be read.");
  EXPECT_EQ(host.httpCalls.at(1).url, "https://calendars.example.com/teams/search.ics");
  host.directory["services"] = Json::array();
  EXPECT_EQ(test(Json::object()).value["ok"], false);
  EXPECT_THAT(test(Json::object()).value["summary"].get<std::string>(), HasSubstr("Settings > Services"));
}

TEST_F(ICal, TestSaysWhatIsWrong) {
  const auto verdict = [&](HttpAnswer given) {
    answer = std::move(given);
    const Outcome outcome = test();
    EXPECT_TRUE(outcome.ok());
    EXPECT_EQ(outcome.value["ok"], false);
    return outcome.value["summary"].get<std::string>();
  };
  EXPECT_THAT(verdict({401, ""}), HasSubstr("HTTP 401. Check \"Authorization header\""));
  EXPECT_THAT(verdict({404, ""}), HasSubstr("external id"));
  EXPECT_THAT(verdict({200, "hello"}), HasSubstr("no whole iCalendar stream"));
  EXPECT_THAT(verdict({200, feed("BEGIN:VEVENT\r\nSUMMARY:Grace\r\nEND:VEVENT\r\n")}),
              HasSubstr("Check \"Person\""));
  EXPECT_THAT(verdict({200, feed("BEGIN:VEVENT\r\nDTSTART;TZID=X:20231201T000000\r\nDURATION:PT1H\r\nSUMMARY:"
                                 "a@b.example\r\nEND:VEVENT\r\n")}),
              HasSubstr("time zone \"X\""));
}

// What they expect does not depend on the day, as dispatch-plugin test replays them by the clock of now.
TEST_F(ICal, AsksAsItsRecordingsSay) {
  for (const auto& [file, who] : std::map<std::string, std::string>{{"/get.har", "grace@example.com"},
                                                                    {"/get_next.har", "ada@example.com"}}) {
    FakeHost replaying;
    replaying.unixNs = 1'795'780'800'000'000'000;  // 27 November 2026, 12:00 UTC
    auto& recorded = replaying.replay(DISPATCH_RECORDINGS + file);
    const Outcome outcome = replaying.callRecorded(dispatch_plugin_query_v1());
    ASSERT_TRUE(outcome.ok()) << outcome.message;
    EXPECT_EQ(outcome.value["email"], who) << file;
    EXPECT_THAT(recorded.unexpected(), IsEmpty());
    EXPECT_THAT(recorded.unasked(), IsEmpty());
  }
}

TEST(FeedCache, ForgetsTheOldest) {
  ical::FeedCache cache;
  for (int i = 0; i < 65; ++i)
    cache.keep("https://x/" + std::to_string(i), {"\"e\"", "", nullptr, ical::Instant(ical::Seconds(i))});
  EXPECT_EQ(cache.find("https://x/0").etag, "");
  EXPECT_EQ(cache.find("https://x/1").etag, "\"e\"");
  EXPECT_EQ(cache.find("https://x/64").etag, "\"e\"");
}

}  // namespace
