// dispatch.webhook/1 and dispatch.event/1 in both homes: what goes in as it came, what may go out, what a
// plugin may tell the host.
#include "base/problem.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>

namespace dispatch::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class WebhookInstanceTest : public testing::ProbeTest {
 protected:
  static WebhookRequest request(const std::string& path, const std::string& body = "{}") {
    WebhookRequest request;
    request.method = "PUT";
    request.path = path;
    request.query = "a=%20b&a";
    request.headers = {
        {"Content-Type", "application/json"}, {"X-Delivery", "d-1"}, {"x-twice", "1"}, {"x-twice", "2"}};
    request.body = body;
    request.peerAddress = "203.0.113.7";
    request.receivedAtNs = 1'700'000'000'123'456'789;
    request.attempt = 3;
    return request;
  }
};

TEST_F(WebhookInstanceTest, ReachesThePluginAsItCameAndComesBackWhole) {
  const auto instance = started();
  const auto outcome = instance->receiveWebhook(request("/x%2Fy", "body"), {});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.response.status, 201);
  EXPECT_EQ(outcome.response.body,
            "PUT /x%2Fy?a=%20b&a 4 headers from 203.0.113.7 at 1700000000123456789 attempt 3: body");
}

TEST_F(WebhookInstanceTest, BytesAreNotText) {
  const auto instance = started();
  const auto outcome = instance->receiveWebhook(request("", std::string("\xff\xfe", 2)), {});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_TRUE(outcome.response.body.ends_with(": \xff\xfe"));
}

TEST_F(WebhookInstanceTest, OnlyHarmlessHeadersGoOut) {
  const auto instance = started();
  EXPECT_THAT(instance->receiveWebhook(request("/"), {}).response.headers,
              ElementsAre(Pair("Content-Type", "text/plain"), Pair("X-Probe", "yes")));
}

TEST_F(WebhookInstanceTest, DeliveriesAreToldApartBySendersCount) {
  const auto instance = started();
  const auto outcome = instance->identifyWebhook(request("/"), {});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.text, "d-1");
}

TEST_F(WebhookInstanceTest, AnswerThatComesLaterIsTheSame) {
  const auto instance = started();
  const auto outcome = instance->receiveWebhook(request("/pending"), {});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.response.status, 201);
  EXPECT_EQ(outcome.response.headers.size(), 2u);
}

TEST_F(WebhookInstanceTest, AnswersThatNobodyMaySendAreDefects) {
  const auto instance = started();
  for (const auto& [path, part] : std::initializer_list<std::pair<const char*, const char*>>{
           {"/redirect", "its status is 302"},
           {"/literal", "its body is not in the memory of its call"},
           {"/split", "header 2 is no header"}}) {
    CallOptions options;
    options.insist = true;
    const auto outcome = instance->receiveWebhook(request(path), options);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INTERNAL) << path;
    EXPECT_THAT(outcome.message, HasSubstr(part)) << path;
  }
  EXPECT_EQ(instance->receiveWebhook(request("/teapot"), {}).response.status, 418);
}

TEST_F(WebhookInstanceTest, HeadersOutsideTheCallsMemoryAreADefect) {
  const auto outcome = started()->receiveWebhook(request("/foreign"), {});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INTERNAL);
  // A worker's pointers do not cross: what was there is copied, and is empty.
  EXPECT_THAT(outcome.message, HasSubstr(testing::inWorker() ? "header 0 is no header"
                                                             : "header 0 is not in the memory of its call"));
}

TEST_F(WebhookInstanceTest, RefusalKeepsItsSentenceForTheOperator) {
  const auto outcome = started()->receiveWebhook(request("/denied"), {});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("the signature is wrong"));
}

TEST_F(WebhookInstanceTest, CrashInAWorkerIsAnUncertainOutcomeAndNotRepeatedBlindly) {
  if (!testing::inWorker()) {
    const int end = testing::endOfChild([&] { started()->receiveWebhook(request("/crash"), {}); });
    EXPECT_FALSE(WIFEXITED(end) && WEXITSTATUS(end) == 0)
        << "in the host's own process it takes the host along";
    return;
  }
  const auto instance = started();
  const auto outcome = instance->receiveWebhook(request("/crash"), {});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNCERTAIN) << outcome.message;
  EXPECT_TRUE(instance->receiveWebhook(request("/"), {}).ok());
}

TEST_F(WebhookInstanceTest, SecretIsComparedInTheHost) {
  const auto instance = started({{"token", "very-secret-token"}});
  auto asked = request("/secret");
  for (const auto& [header, right] :
       std::initializer_list<std::pair<const char*, bool>>{{"Bearer very-secret-token", true},
                                                           {"Bearer very-secret-toke", false},
                                                           {"Bearer very-secret-tokens", false},
                                                           {"very-secret-token", false},
                                                           {"", false}}) {
    asked.headers = {{"Authorization", header}};
    const auto outcome = instance->receiveWebhook(asked, {});
    // OK without a response is a defect of the probe; DENIED is the service's own word.
    EXPECT_EQ(outcome.status == DISPATCH_ERR_DENIED, !right) << header << ": " << outcome.message;
  }
}

TEST_F(WebhookInstanceTest, EventsNeedTheManifest) {
  EXPECT_EQ(started()->receiveWebhook(request("/event"), {}).status, DISPATCH_ERR_UNSUPPORTED);
  probe.manifest["permissions"] = {{"events", {"timeline.note"}}};
  opened.reset();
  probe.write(directory / "plugins/probe");
  const auto instance = started();
  auto asked = request("/event", R"({"description": "ä"})");
  asked.query = "timeline.note";
  const auto outcome = instance->receiveWebhook(asked, {});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(Json::parse(outcome.response.body)["id"], "1");
  ASSERT_EQ(outside.events().size(), 1u);
  const auto event = outside.events().front();
  EXPECT_EQ(event.type, "timeline.note");
  EXPECT_EQ(event.subject, "subject");
  EXPECT_EQ(event.key, "k1");
  EXPECT_EQ(event.data["description"], "ä");

  asked.query = "incident.report";
  const auto refused = instance->receiveWebhook(asked, {});
  EXPECT_EQ(refused.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(refused.message,
              HasSubstr("does not ask for \"incident.report\" (permissions.events: [\"timeline.note\"])"));
  EXPECT_EQ(outside.events().size(), 1u);
}

TEST_F(WebhookInstanceTest, EventsWithoutAnObjectAreRefused) {
  probe.manifest["permissions"] = {{"events", {"timeline.note"}}};
  const auto instance = started();
  for (const char* body : {"[]", "nonsense", "7"}) {
    auto asked = request("/event", body);
    asked.query = "timeline.note";
    EXPECT_EQ(instance->receiveWebhook(asked, {}).status, DISPATCH_ERR_INVALID) << body;
  }
  EXPECT_THAT(outside.events(), IsEmpty());
}

}  // namespace
}  // namespace dispatch::plugin
