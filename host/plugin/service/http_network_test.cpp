// Who stands between plugins and the network sees every exchange and no secret, and can answer instead.
#include "plugin/service/http_network.hpp"
#include "plugin/testing/fixture.hpp"
#include "plugin/testing/servers.hpp"

#include <gmock/gmock.h>

#include <mutex>

namespace dispatch::plugin {
namespace {

using Poco::Net::StreamSocket;
using testing::answering;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::readUntil;
using testing::ScriptedServer;
using testing::sendText;

constexpr const char* token = "very-secret-token";

class Watcher final : public HttpNetwork {
 public:
  std::optional<SeenAnswer> answer(const SeenRequest& request) override {
    const std::lock_guard lock(mutex);
    asked.push_back(request);
    return given;
  }
  void exchanged(const SeenRequest& request, const SeenAnswer& answer, double) override {
    const std::lock_guard lock(mutex);
    done.emplace_back(request, answer);
  }
  std::mutex mutex;
  std::optional<SeenAnswer> given;
  std::vector<SeenRequest> asked;
  std::vector<std::pair<SeenRequest, SeenAnswer>> done;
};

class HttpNetworkTest : public testing::ProbeTest {
 protected:
  HttpNetworkTest() {
    probe.manifest["permissions"] = {{"http", {{{"config", "url"}}}}};
    options.http = watcher;
  }
  JsonOutcome call(const std::string& method, const Json& input) {
    const auto instance = started({{"url", input["url"]}, {"token", token}});
    return instance->invoke(method, input);
  }
  const std::shared_ptr<Watcher> watcher = std::make_shared<Watcher>();
  ScriptedServer* self = nullptr;
};

TEST_F(HttpNetworkTest, SeesAnExchangeWithoutItsSecrets) {
  ScriptedServer server(
      answering("HTTP/1.1 201 Created\r\nX-Echo: very-secret-token\r\nContent-Length: 21\r\n\r\n"
                "say very-secret-token",
                self));
  self = &server;
  options.allowances.push_back({"probe", "127.0.0.1", 0, false, {}});
  const auto outcome = call(
      "http",
      {{"url", server.url("/a?b=c")}, {"method", "POST"}, {"body", "hello"}, {"header", "Authorization"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_THAT(server.received(), HasSubstr("Authorization: Bearer very-secret-token\r\n"));
  ASSERT_EQ(watcher->done.size(), 1u);
  const auto& [request, answer] = watcher->done.front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, server.url("/a?b=c"));
  EXPECT_EQ(request.body, "hello");
  ASSERT_EQ(request.headers.size(), 1u);
  EXPECT_EQ(request.headers.front().second, "Bearer [secret]");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "say [secret]");
  for (const auto& [name, value] : answer.headers) EXPECT_THAT(value, Not(HasSubstr(token))) << name;
}

TEST_F(HttpNetworkTest, SeesBodiesThatComeInPieces) {
  ScriptedServer server([](StreamSocket& socket) {
    readUntil(socket, "piece;piece;");
    sendText(socket, "HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\nbefore very-secret-token after..");
  });
  options.allowances.push_back({"probe", "127.0.0.1", 0, false, {}});
  const auto outcome = call("http_pieces", {{"url", server.url()}, {"pieces", "2"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["taken"], "before [secret] after..");
  ASSERT_EQ(watcher->done.size(), 1u);
  EXPECT_EQ(watcher->done.front().first.body, "piece;piece;");
  EXPECT_EQ(watcher->done.front().second.body, "before [secret] after..");
}

TEST_F(HttpNetworkTest, SeesAFailureToo) {
  int port = 0;
  {
    ScriptedServer gone([](StreamSocket&) {});
    port = gone.port();
  }
  options.allowances.push_back({"probe", "127.0.0.1", 0, false, {}});
  EXPECT_FALSE(call("http", {{"url", "http://127.0.0.1:" + std::to_string(port) + "/"}}).ok());
  ASSERT_EQ(watcher->done.size(), 1u);
  EXPECT_EQ(watcher->done.front().second.failure, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(watcher->done.front().second.message, HasSubstr("cannot be connected to"));
}

TEST_F(HttpNetworkTest, AnswersInPlaceOfTheNetwork) {
  watcher->given = SeenAnswer{429, {{"Retry-After", "3"}}, "slow down", DISPATCH_OK, ""};
  auto outcome = call("http", {{"url", "https://nobody.invalid/a"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["status"], 429);
  EXPECT_EQ(outcome.value["retry"], 3000);
  EXPECT_EQ(outcome.value["headers"]["retry-after"], "3");
  EXPECT_EQ(outcome.value["body"], "slow down");
  outcome = call("http_pieces", {{"url", "https://nobody.invalid/a"}, {"pieces", "2"}});
  EXPECT_EQ(outcome.value["taken"], "slow down");
  watcher->given = SeenAnswer{0, {}, "", DISPATCH_ERR_UNCERTAIN, "It was cut short."};
  outcome = call("http", {{"url", "https://nobody.invalid/a"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNCERTAIN);
  EXPECT_THAT(outcome.message, HasSubstr("It was cut short."));
  EXPECT_TRUE(watcher->done.empty());
}

TEST_F(HttpNetworkTest, IsAskedForNothingThatIsNotGranted) {
  watcher->given = SeenAnswer{200, {}, "", DISPATCH_OK, ""};
  const auto instance = started({{"url", "https://granted.invalid/"}, {"token", token}});
  EXPECT_EQ(instance->invoke("http", {{"url", "https://other.invalid/"}}).status, DISPATCH_ERR_DENIED);
  EXPECT_TRUE(watcher->asked.empty());
}

TEST_F(HttpNetworkTest, FollowsARedirectAsAnExchangeOfItsOwn) {
  watcher->given = SeenAnswer{302, {{"Location", "/b"}}, "", DISPATCH_OK, ""};
  EXPECT_EQ(call("http", {{"url", "https://nobody.invalid/a"}, {"redirects", "1"}}).status,
            DISPATCH_ERR_LIMIT);
  ASSERT_EQ(watcher->asked.size(), 2u);
  EXPECT_EQ(watcher->asked[1].url, "https://nobody.invalid/b");
}

}  // namespace
}  // namespace dispatch::plugin
