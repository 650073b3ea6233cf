#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace {

using dispatch::testing::CallOptions;
using dispatch::testing::FakeHost;
using dispatch::testing::HttpAnswer;
using dispatch::testing::HttpCall;
using dispatch::testing::Json;
using dispatch::testing::Outcome;
using testing::HasSubstr;

const std::string url = "https://files.example.com/dav/Incidents/dispatch-12/Incident.md";

/// One document on a server that keeps conditions, as RFC 9110 section 13 has them.
class WebdavDocument : public testing::Test {
 protected:
  WebdavDocument() {
    settings = {{"base_url", "https://files.example.com/dav"},
                {"username", "dispatch"},
                {"password", host.secret("pa55")}};
    host.onHttp = [this](const HttpCall& call) {
      if (call.method == "GET") {
        if (onGet) onGet();
        return got.value_or(HttpAnswer{200,
                                       text,
                                       {{"etag", etag()},
                                        {"last-modified", modified},
                                        {"content-type", "text/markdown; charset=utf-8"}}});
      }
      if (onPut) onPut();
      if (put) return *put;
      const std::string tag = call.header("If-Match"), date = call.header("If-Unmodified-Since");
      if ((tag.empty() && date.empty()) || (!tag.empty() && (weak || tag != etag())) ||
          (!date.empty() && date != modified))
        return HttpAnswer{412};
      text = call.body;
      ++version;
      return HttpAnswer{204};
    };
  }
  std::string etag() const {
    return tagged ? (weak ? "W/" : "") + ("\"" + std::to_string(version) + "\"") : std::string();
  }
  Outcome update(const std::string& id = "/Incidents/dispatch-12/Incident.md",
                 const CallOptions& options = {}) {
    host.httpCalls.clear();
    return host.load(dispatch_plugin_query_v1(), settings)
        .invoke(
            "update",
            {{"document", {{"resource_id", id}}},
             {"placeholders", {{"name", "dispatch-12"}, {"title", "<b>Checkout</b>"}, {"status", "N/A"}}}},
            options);
  }
  int count(const std::string& method) const {
    int found = 0;
    for (const HttpCall& call : host.httpCalls) found += call.method == method ? 1 : 0;
    return found;
  }

  FakeHost host;
  Json settings;
  std::string text = "# {{name}}\n{{title}}, {{name}} and {{commander_fullname}}\n";
  std::string modified = "Sun, 01 Mar 2026 14:05:00 GMT";
  int version = 1;
  bool tagged = true, weak = false;
  std::function<void()> onGet, onPut;
  std::optional<HttpAnswer> got, put;
};

TEST_F(WebdavDocument, ReplacesPlaceholders) {
  const Outcome outcome = update();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"replaced", 3}}));
  EXPECT_EQ(text, "# dispatch-12\n&lt;b>Checkout&lt;/b>, dispatch-12 and {{commander_fullname}}\n");
  ASSERT_EQ(host.httpCalls.size(), 2U);
  EXPECT_EQ(host.httpCalls[0].url, url);
  EXPECT_EQ(host.httpCalls[0].header("Authorization"), "Basic ZGlzcGF0Y2g6cGE1NQ==");
  EXPECT_EQ(host.httpCalls[0].header("Accept-Encoding"), "identity");
  EXPECT_EQ(host.httpCalls[1].url, url);
  EXPECT_EQ(host.httpCalls[1].header("If-Match"), "\"1\"");
  EXPECT_EQ(host.httpCalls[1].header("Content-Type"), "text/markdown; charset=utf-8");
}

TEST_F(WebdavDocument, ASecondUpdateWritesNothing) {
  ASSERT_TRUE(update().ok());
  const Outcome outcome = update();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value, (Json{{"replaced", 0}}));
  EXPECT_EQ(count("PUT"), 0);
}

TEST_F(WebdavDocument, ReadsAgainWhenSomebodyWroteInBetween) {
  onPut = [this] {
    if (version == 1) text = "Words of a person, {{name}}", version = 2;
  };
  const Outcome outcome = update();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(text, "Words of a person, dispatch-12");
  EXPECT_EQ(outcome.value, (Json{{"replaced", 1}}));
}

TEST_F(WebdavDocument, GivesWayToSomebodyWhoWritesAllTheTime) {
  onPut = [this] { ++version; };
  const Outcome outcome = update();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(outcome.message, HasSubstr("somebody else changes it all the time"));
  EXPECT_EQ(count("PUT"), 5);
  EXPECT_THAT(text, HasSubstr("{{name}}"));
}

TEST_F(WebdavDocument, WaitsUntilATagIsStrong) {
  weak = true;
  int readings = 0;
  onGet = [&] { weak = ++readings == 1; };
  const Outcome outcome = update();
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(count("GET"), 2);
  EXPECT_EQ(count("PUT"), 1);
  EXPECT_EQ(host.httpCalls.back().header("If-Match"), "\"1\"");
}

TEST_F(WebdavDocument, TakesADateThatHasSettledWhereNoTagIsStrong) {
  for (const bool noTag : {false, true}) {
    tagged = !noTag;
    weak = true;
    text = "{{name}}";
    const Outcome outcome = update();
    ASSERT_TRUE(outcome.ok()) << outcome.message;
    EXPECT_EQ(text, "dispatch-12");
    EXPECT_EQ(host.httpCalls.back().header("If-Unmodified-Since"), modified);
    EXPECT_EQ(host.httpCalls.back().header("If-Match"), "");
  }
}

TEST_F(WebdavDocument, NeverWritesWithoutACondition) {
  tagged = false;
  modified = "";
  const Outcome outcome = update();
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("neither a strong ETag nor Last-Modified"));
  EXPECT_EQ(count("PUT"), 0);
}

TEST_F(WebdavDocument, StopsWaitingWhenTheCallIsCancelled) {
  weak = true;
  const Outcome outcome =
      update("/Incidents/dispatch-12/Incident.md", {.cancelAfter = std::chrono::milliseconds(50)});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_CANCELLED);
  EXPECT_EQ(count("GET"), 1);
}

TEST_F(WebdavDocument, RefusesWhatIsNoText) {
  const auto refusal = [&](HttpAnswer answer) {
    got = std::move(answer);
    const Outcome outcome = update();
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
    EXPECT_EQ(count("PUT"), 0);
    return outcome.message;
  };
  EXPECT_THAT(refusal({200, std::string("PK\3\4{{name}}\0", 13)}), HasSubstr("Use a template in Markdown"));
  EXPECT_THAT(refusal({200, "{{name}} in Z\xFCrich"}), HasSubstr("is not in UTF-8"));
  EXPECT_THAT(refusal({200, std::string((2U << 20) + 1, 'x')}), HasSubstr("more than 2097152 bytes"));
  EXPECT_THAT(refusal(HttpAnswer::failed(DISPATCH_ERR_LIMIT, "too much")),
              HasSubstr("more than 2097152 bytes"));
  EXPECT_EQ(update("/Incidents/dispatch-12/").status, DISPATCH_ERR_INVALID);
  EXPECT_TRUE(host.httpCalls.empty());
}

TEST_F(WebdavDocument, EachHttpStatusHasItsMeaning) {
  for (const auto& [http, meaning] :
       std::vector<std::pair<int, dispatch_status>>{{401, DISPATCH_ERR_DENIED},
                                                    {403, DISPATCH_ERR_DENIED},
                                                    {404, DISPATCH_ERR_NOT_FOUND},
                                                    {405, DISPATCH_ERR_INVALID},
                                                    {423, DISPATCH_ERR_UNAVAILABLE},
                                                    {429, DISPATCH_ERR_UNAVAILABLE},
                                                    {500, DISPATCH_ERR_UNAVAILABLE},
                                                    {503, DISPATCH_ERR_UNAVAILABLE},
                                                    {507, DISPATCH_ERR_UNAVAILABLE},
                                                    {301, DISPATCH_ERR_INVALID},
                                                    {206, DISPATCH_ERR_UNAVAILABLE},
                                                    {207, DISPATCH_ERR_UNAVAILABLE}}) {
    got = HttpAnswer{http};
    EXPECT_EQ(update().status, meaning) << "GET " << http;
    got.reset();
    put = HttpAnswer{http};
    EXPECT_EQ(update().status, meaning) << "PUT " << http;
    put.reset();
  }
  put = HttpAnswer{429, "", {}, std::chrono::seconds(7)};
  EXPECT_EQ(update().retryAfterMs, 7000U);
}

TEST_F(WebdavDocument, KeepsTheHostsJudgementWhereNoAnswerCame) {
  for (const auto status : {DISPATCH_ERR_UNAVAILABLE, DISPATCH_ERR_UNCERTAIN, DISPATCH_ERR_TIMEOUT}) {
    put = HttpAnswer::failed(status, "The host's own sentence.");
    const Outcome outcome = update();
    EXPECT_EQ(outcome.status, status);
    EXPECT_EQ(outcome.message, "The host's own sentence.");
  }
}

TEST_F(WebdavDocument, NoIdLeadsOutOfTheBaseAddress) {
  for (const char* id :
       {"Incident.md", "/../x.md", "/a/../../x.md", "//evil.example.com/x.md", "https://evil/x"})
    EXPECT_EQ(update(id).status, DISPATCH_ERR_INVALID) << id;
  EXPECT_TRUE(host.httpCalls.empty());
}

TEST_F(WebdavDocument, EscapesByTheKindOfDocument) {
  for (const auto& [id, expected] : std::vector<std::pair<std::string, std::string>>{
           {"/a.html", "&lt;b&gt;Checkout&lt;/b&gt;"}, {"/a.txt", "<b>Checkout</b>"}}) {
    text = "{{title}}";
    ASSERT_TRUE(update(id).ok());
    EXPECT_EQ(text, expected);
  }
}

TEST_F(WebdavDocument, TestChangesNothingAndLooksAtATemplate) {
  const std::string folder =
      "<D:multistatus xmlns:D=\"DAV:\"><D:response><D:href>/dav/</D:href><D:propstat><D:prop><D:resourcetype>"
      "<D:collection/></D:resourcetype></D:prop></D:propstat></D:response></D:multistatus>";
  const auto serve = [&](const HttpAnswer& document) {
    host.onHttp = [=](const HttpCall& call) {
      if (call.method == "PROPFIND") return HttpAnswer{207, folder};
      return call.method == "MKCOL" ? HttpAnswer{405} : document;
    };
    host.httpCalls.clear();
    return host.load(dispatch_plugin_query_v1(), settings)
        .test({{"document", "/Templates/incident.md"}})
        .value;
  };
  Json report = serve({200, "{{name}}, {{title}}"});
  EXPECT_EQ(report["ok"], true) << report;
  EXPECT_THAT(report["checks"][2]["detail"].get<std::string>(), HasSubstr("is text with 2 placeholders."));
  for (const HttpCall& call : host.httpCalls)
    EXPECT_THAT(call.method, testing::AnyOf("PROPFIND", "MKCOL", "GET"));  // MKCOL: of a folder that is there
  report = serve({404});
  EXPECT_EQ(report["ok"], false);
  EXPECT_THAT(report["summary"].get<std::string>(), HasSubstr("Check whether it is there"));
  host.onHttp = [](const HttpCall&) { return HttpAnswer{401}; };
  report = host.load(dispatch_plugin_query_v1(), settings).test().value;
  EXPECT_EQ(report["ok"], false);
  EXPECT_THAT(report["summary"].get<std::string>(), HasSubstr("Check \"User name\" and \"Password\""));
}

TEST_F(WebdavDocument, AsksAsItsRecordingsSay) {
  for (const char* file : {"/update.har", "/update_again.har", "/test.har"}) {
    FakeHost replaying;
    auto& recorded = replaying.replay(std::string(DISPATCH_RECORDINGS) + file);
    const Outcome outcome = replaying.callRecorded(dispatch_plugin_query_v1());
    EXPECT_EQ(outcome.value, recorded.recording().call.expected["answer"]) << file << ": " << outcome.message;
    EXPECT_THAT(recorded.unexpected(), testing::IsEmpty());
    EXPECT_THAT(recorded.unasked(), testing::IsEmpty());
  }
}

}  // namespace
