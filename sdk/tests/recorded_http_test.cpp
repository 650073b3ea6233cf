#include <dispatch/sdk.hpp>
#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace {

using dispatch::testing::differences;
using dispatch::testing::FakeHost;
using dispatch::testing::Fault;
using dispatch::testing::HttpAnswer;
using dispatch::testing::HttpCall;
using dispatch::testing::Json;
using dispatch::testing::parseHar;
using dispatch::testing::RecordedExchange;
using dispatch::testing::RecordedHttp;
using dispatch::testing::Recording;
using dispatch::testing::Redaction;
using dispatch::testing::toHar;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

HttpCall post(const std::string& body = R"({"title": "a", "at": "*"})") {
  return {"POST",
          "https://t.example/tickets?b=2&a=1",
          {{"Authorization", "Bearer [secret]"}, {"Content-Type", "application/json"}},
          body};
}

Recording twoExchanges() {
  Recording recording;
  recording.name = "two.har";
  recording.exchanges.push_back({post(), {201, R"({"key": "T-1"})", {{"Content-Type", "application/json"}}}});
  recording.exchanges.push_back({{"GET", "https://t.example/tickets/T-1", {}, ""}, {200, "{}"}});
  return recording;
}

TEST(Har, ReadsWhatItWrote) {
  Recording written = twoExchanges();
  written.exchanges[0].optional = true;
  written.exchanges[1].answer = {200, std::string("\xff\x00gif", 5), {{"Retry-After", "3"}}};
  written.exchanges.push_back(
      {{"GET", "https://t.example/x", {}, ""}, HttpAnswer::failed(DISPATCH_ERR_UNCERTAIN, "It is gone.")});
  written.call = {"create", {{"a", 1}}, {{"token", "[secret]"}}, "key-1", {{"status", "OK"}}};
  const Json har = toHar(written, {"test", "1"});
  EXPECT_EQ(har["log"]["version"], "1.2");
  for (const char* member : {"startedDateTime", "time", "request", "response", "cache", "timings"})
    EXPECT_TRUE(har["log"]["entries"][0].contains(member)) << member;
  const Recording read = parseHar(har.dump(), "x.har");
  ASSERT_EQ(read.exchanges.size(), 3U);
  EXPECT_TRUE(read.exchanges[0].optional);
  EXPECT_THAT(differences(read.exchanges[0].request, written.exchanges[0].request), IsEmpty());
  EXPECT_EQ(read.exchanges[1].answer.body, written.exchanges[1].answer.body);
  EXPECT_EQ(read.exchanges[1].answer.retryAfter, std::chrono::seconds(3));
  EXPECT_EQ(read.exchanges[2].answer.failure, DISPATCH_ERR_UNCERTAIN);
  EXPECT_EQ(read.exchanges[2].answer.message, "It is gone.");
  EXPECT_EQ(read.call.method, "create");
  EXPECT_EQ(read.call.input, (Json{{"a", 1}}));
  EXPECT_EQ(read.call.idempotencyKey, "key-1");
}

TEST(Har, ReadsABrowsersExport) {
  const Recording read =
      parseHar(R"({"log": {"version": "1.2", "creator": {"name": "WebInspector"}, "pages": [],
    "entries": [{"request": {"method": "POST", "url": "https://t.example/a#top", "httpVersion": "http/2.0",
        "headers": [{"name": ":authority", "value": "t.example"}, {"name": "sec-ch-ua", "value": "x"}],
        "postData": {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "q", "value": "a b"}]}},
      "response": {"status": 200, "headers": [{"name": "content-encoding", "value": "gzip"}],
        "content": {"mimeType": "application/json", "text": "e30=", "encoding": "base64"}}},
      {"request": {"method": "GET", "url": "https://t.example/b"}, "response": {"status": 0, "_error": "net::ERR_FAILED"}}]}})",
               "browser.har");
  ASSERT_EQ(read.exchanges.size(), 2U);
  EXPECT_THAT(differences(read.exchanges[0].request, {"POST", "https://t.example/a", {}, "q=a%20b"}),
              IsEmpty());
  EXPECT_EQ(read.exchanges[0].answer.body, "{}");
  EXPECT_THAT(read.exchanges[0].answer.headers, IsEmpty());
  EXPECT_EQ(read.exchanges[1].answer.failure, DISPATCH_ERR_UNAVAILABLE);
}

TEST(Har, SaysWhatIsWrongWithAFile) {
  const auto refusal = [](const std::string& text) {
    try {
      parseHar(text, "x.har");
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string("taken");
  };
  EXPECT_THAT(refusal("{"), HasSubstr("x.har is not JSON; expected is a HAR 1.2 file"));
  EXPECT_THAT(refusal("{}"), HasSubstr("x.har has no log.entries"));
  EXPECT_THAT(refusal(R"({"log": {"entries": [{"request": {"method": "GET", "url": "/a"}}]}})"),
              HasSubstr("x.har, entry 1, has no request with \"method\" and an absolute \"url\""));
  EXPECT_THAT(refusal(R"({"log": {"entries": [{"request": {"method": "GET", "url": "http://a/"}}]}})"),
              HasSubstr("has no response with a \"status\""));
  EXPECT_THAT(refusal(R"({"log": {"entries": [{"request": {"method": "GET", "url": "http://a/"},
                "response": {"status": 200, "content": {"text": "!", "encoding": "base64"}}}]}})"),
              HasSubstr("cannot be read"));
}

TEST(Matching, TakesOrderOfParametersSpaceInJsonAndWhatTheHostAddsForTheSame) {
  HttpCall asked = post("{\"at\":\"12:00\",\"title\":\"a\"}");
  asked.url = "https://t.example/tickets?a=1&b=2";
  asked.headers.emplace_back("User-Agent", "other");
  asked.headers[0].first = "authorization";
  EXPECT_THAT(differences(post(), asked), IsEmpty());
}

TEST(Matching, NamesEachDifference) {
  const auto changed = [](auto change) {
    HttpCall asked = post();
    change(asked);
    return differences(post(), asked);
  };
  EXPECT_THAT(changed([](HttpCall& call) { call.method = "PUT"; }),
              ElementsAre("the method is PUT, recorded is POST"));
  EXPECT_THAT(changed([](HttpCall& call) { call.url = "https://t.example/issues?b=2&a=1"; }),
              ElementsAre("the address is https://t.example/issues, recorded is https://t.example/tickets"));
  EXPECT_THAT(changed([](HttpCall& call) { call.url = "https://t.example/tickets?b=3"; }),
              ElementsAre("the parameter b is \"3\", recorded is \"2\"",
                          "the parameter a is missing, recorded is \"1\""));
  EXPECT_THAT(changed([](HttpCall& call) { call.headers.erase(call.headers.begin()); }),
              ElementsAre("the header authorization is missing, recorded is \"Bearer [secret]\""));
  EXPECT_THAT(changed([](HttpCall& call) { call.headers[0].second = "Basic [secret]"; }),
              ElementsAre("the header authorization is \"Basic [secret]\", recorded is \"Bearer [secret]\""));
  EXPECT_THAT(changed([](HttpCall& call) { call.body = R"({"title": "b", "more": [1]})"; }),
              ElementsAre("in the body at is missing, recorded is \"*\"",
                          "in the body title is \"b\", recorded is \"a\"",
                          "in the body more is [1], which the recording has not"));
  EXPECT_THAT(changed([](HttpCall& call) { call.body = "plain"; }),
              ElementsAre(HasSubstr("the body is \"plain\", recorded is ")));
}

TEST(RecordedHttp, AnswersEachExchangeOnceAndSaysWhatIsLeft) {
  RecordedHttp http(twoExchanges());
  EXPECT_EQ(http.answer(post()).status, 201);
  EXPECT_THAT(http.unasked(), ElementsAre("number 2, GET https://t.example/tickets/T-1"));
  EXPECT_THAT(http.unexpected(), IsEmpty());
  EXPECT_EQ(http.answer(post()).failure, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(http.unexpected(),
              ElementsAre(HasSubstr("was asked for once more than two.har has it (1 time)")));
}

TEST(RecordedHttp, SaysHowWhatWasAskedForDiffersFromTheNearest) {
  RecordedHttp http(twoExchanges());
  const HttpAnswer answer = http.answer(post(R"({"title": "b", "at": 1})"));
  EXPECT_EQ(answer.failure, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(
      answer.message,
      "POST https://t.example/tickets?b=2&a=1 was asked for, which two.har has not. The nearest there is "
      "number "
      "1, POST https://t.example/tickets?b=2&a=1: in the body title is \"b\", recorded is \"a\". Mend the "
      "plugin, or record the case again.");
}

TEST(RecordedHttp, BreaksOneExchangeInEachWayForAsLongAsItIsAskedFor) {
  const auto broken = [](Fault fault) {
    RecordedHttp http(twoExchanges());
    http.breakExchange(1, fault);
    const HttpAnswer first = http.answer(post()), second = http.answer(post());
    EXPECT_EQ(first.failure, second.failure);
    EXPECT_EQ(first.status, second.status);
    EXPECT_THAT(http.unexpected(), IsEmpty());
    EXPECT_EQ(http.answer(twoExchanges().exchanges[1].request).status, 200);
    return first;
  };
  EXPECT_EQ(broken(Fault::refused).failure, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(broken(Fault::timeout).failure, DISPATCH_ERR_TIMEOUT);
  EXPECT_EQ(broken(Fault::cutShort).failure, DISPATCH_ERR_UNCERTAIN);
  EXPECT_EQ(broken(Fault::tooManyRequests).status, 429);
  EXPECT_EQ(broken(Fault::tooManyRequests).retryAfter, std::chrono::seconds(7));
  EXPECT_EQ(broken(Fault::serverError).status, 500);
  EXPECT_EQ(broken(Fault::notJson).status, 201);
  EXPECT_TRUE(Json::parse(broken(Fault::notJson).body, nullptr, false).is_discarded());
  RecordedHttp http(twoExchanges());
  EXPECT_THROW(http.breakExchange(3, Fault::refused), std::out_of_range);
}

TEST(Redaction, TakesOutWhatIsSecretByItsPlace) {
  Redaction redaction;
  HttpCall call{
      "POST",
      "https://t.example/a?access_token=MARKER-query&page=2",
      {{"Authorization", "Basic MARKER-basic"},
       {"X-Api-Key", "MARKER-key"},
       {"Cookie", "sid=MARKER-sid"},
       {"Accept", "application/json"}},
      R"({"user": "ada", "password": "MARKER-password", "tokens": ["MARKER-list"], "token_type": "Bearer"})"};
  redaction.takeOut(call);
  EXPECT_EQ(call.url, "https://t.example/a?access_token=[secret]&page=2");
  EXPECT_EQ(call.header("Authorization"), "Basic [secret]");
  EXPECT_EQ(call.header("X-Api-Key"), "[secret]");
  EXPECT_EQ(call.header("Cookie"), "sid=[secret]");
  EXPECT_EQ(call.header("Accept"), "application/json");
  EXPECT_EQ(
      Json::parse(call.body),
      (Json{{"user", "ada"}, {"password", "[secret]"}, {"tokens", {"[secret]"}}, {"token_type", "Bearer"}}));
  HttpCall form{"POST",
                "https://t.example/",
                {{"Content-Type", "application/x-www-form-urlencoded"}},
                "grant_type=code&client_secret=MARKER%2Fform"};
  redaction.takeOut(form);
  EXPECT_EQ(form.body, "grant_type=code&client_secret=[secret]");
  HttpAnswer answer{200, R"({"id_token": "MARKER-id"})", {{"Set-Cookie", "sid=MARKER-new; Path=/"}}};
  redaction.takeOut(answer);
  EXPECT_THAT(answer.body, Not(HasSubstr("MARKER")));
  EXPECT_EQ(answer.headers[0].second, "sid=[secret]");
}

TEST(Redaction, TakesWhatOneAnswerGaveOutOfEveryOtherText) {
  Redaction redaction;
  HttpAnswer login{200, R"({"access_token": "MARKER/a+b"})"};
  redaction.takeOut(login);
  redaction.know("MARKER \"quoted\"");
  redaction.know("Bearer MARKER-after-its-scheme");
  redaction.know("Basic " + dispatch::base64Encode("ada:MARKER-password"));
  EXPECT_EQ(redaction.blot("you are MARKER-after-its-scheme, MARKER-password"), "you are [secret], [secret]");
  HttpCall later{
      "GET", "https://t.example/MARKER%2Fa%2Bb/x", {{"X-Trace", "MARKER/a+b"}}, R"(say MARKER \"quoted\")"};
  redaction.blot(later);
  EXPECT_EQ(later.url, "https://t.example/[secret]/x");
  EXPECT_EQ(later.headers[0].second, "[secret]");
  EXPECT_EQ(later.body, "say [secret]");
  EXPECT_EQ(redaction.blot(dispatch::base64Encode("MARKER/a+b")), "[secret]");
}

/// A plugin that does what a recording needs: asks with a secret in a header and in its body.
class Asker : public dispatch::ContactPlugin {
 public:
  Asker(const dispatch::Host& host, const dispatch::Config& config)
      : ContactPlugin(host), _token(config.secret("token")) {}
  dispatch::Contact get(const dispatch::Call& call, const dispatch::ContactGet& request) {
    const auto answer = http()
                            .post("https://people.example/find")
                            .header("Authorization", dispatch::Part::bearer(_token))
                            .bodyParts({R"({"key": ")", dispatch::Part::json(_token),
                                        R"(", "email": ")" + request.email + "\"}"},
                                       "application/json")
                            .send(call);
    dispatch::Contact contact;
    const dispatch::Json body = answer.json();
    contact.fullname = dispatch::Members(body).text("name");
    contact.email = request.email;
    return contact;
  }

 private:
  dispatch::Secret _token;
};

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() {
    Recording recording;
    recording.exchanges.push_back(
        {{"POST",
          "https://people.example/find",
          {{"Authorization", "Bearer [secret]"}, {"Content-Type", "application/json"}},
          R"({"key": "[secret]", "email": "ada@example.com"})"},
         {200, R"({"name": "Ada"})"}});
    recording.call = {"get", {{"email", "ada@example.com"}}, {{"token", "[secret]"}}, "", Json()};
    std::ofstream(path) << toHar(recording, {"test", "1"});
  }
  ~ReplayTest() override { std::remove(path.c_str()); }
  const std::string path = testing::TempDir() + "recorded-http-" + std::to_string(::getpid()) + ".har";
  FakeHost host;
};

const dispatch_plugin_v1* asker() {
  static constexpr dispatch_plugin_v1 table = dispatch::sdk::Entry<Asker>::describe("asker", "1.0.0");
  return &table;
}

TEST_F(ReplayTest, AnswersAPluginsTestFromTheFile) {
  auto& recorded = host.replay(path);
  const auto outcome = host.callRecorded(asker());
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["fullname"], "Ada");
  EXPECT_THAT(recorded.unexpected(), IsEmpty());
  EXPECT_THAT(recorded.unasked(), IsEmpty());
  EXPECT_EQ(host.httpCalls.at(0).header("Authorization"), "Bearer recorded-secret");
}

TEST_F(ReplayTest, RefusesARequestThatWasNotRecorded) {
  auto& recorded = host.replay(path);
  auto plugin = host.load(asker(), {{"token", host.secret("s3cret")}});
  plugin.start();
  const auto outcome = plugin.invoke("get", {{"email", "eve@example.com"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(outcome.message,
              HasSubstr(R"(in the body email is "eve@example.com", recorded is "ada@example.com")"));
  EXPECT_THAT(outcome.message, Not(HasSubstr("s3cret")));
  EXPECT_EQ(recorded.unexpected().size(), 1U);
}

TEST_F(ReplayTest, BreaksAnExchange) {
  host.replay(path).breakExchange(1, Fault::cutShort);
  EXPECT_EQ(host.callRecorded(asker()).status, DISPATCH_ERR_UNCERTAIN);
}

TEST_F(ReplayTest, SaysThatNothingWasRecorded) {
  EXPECT_THROW(host.callRecorded(asker()), std::runtime_error);
  EXPECT_THROW(host.replay(path + ".none"), std::runtime_error);
}

}  // namespace
