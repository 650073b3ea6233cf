#include <dispatch/sdk.hpp>
#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::Call;
using dispatch::Config;
using dispatch::Failure;
using dispatch::Part;
using dispatch::testing::FakeCall;
using dispatch::testing::FakeHost;
using dispatch::testing::HttpAnswer;
using dispatch::testing::HttpCall;
using dispatch::testing::Json;

class Services : public testing::Test {
 protected:
  FakeHost fake;
  FakeCall fakeCall;
  dispatch::Host host{fake.raw()};
  Call call{std::make_shared<dispatch::sdk::CallState>(fakeCall.raw())};
};

TEST_F(Services, HttpPutsSecretsWhereTheyAreNamed) {
  const dispatch::Secret secret(Config(Json{{"s", fake.secret("a b\"c")}}).secret("s"));
  fake.onHttp = [](const HttpCall&) {
    return HttpAnswer{201, R"({"a": 1})", {{"X-Thing", "v"}}, std::chrono::seconds(3)};
  };
  const auto answer =
      dispatch::Http(host)
          .post("https://x.example/")
          .header("A", Part::bearer(secret))
          .header("B", Part::basic("user", secret))
          .bodyParts({R"({"k": ")", Part::json(secret), R"(", "u": ")", Part::url(secret), "\"}"},
                     "application/json")
          .send(call);
  EXPECT_EQ(answer.status, 201);
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(answer.json()["a"], 1);
  EXPECT_EQ(answer.header("x-thing"), "v");
  EXPECT_EQ(answer.retryAfter, std::chrono::seconds(3));
  ASSERT_EQ(fake.httpCalls.size(), 1U);
  EXPECT_EQ(fake.httpCalls[0].header("A"), "Bearer a b\"c");
  EXPECT_EQ(fake.httpCalls[0].header("B"), "Basic dXNlcjphIGIiYw==");
  EXPECT_EQ(fake.httpCalls[0].body, R"({"k": "a b\"c", "u": "a%20b%22c"})");
}

TEST_F(Services, AnUnknownEncoderIsRefusedByTheHost) {
  const dispatch::Secret secret(Config(Json{{"s", fake.secret("x")}}).secret("s"));
  try {
    (void)dispatch::Http(host).get("https://x").header("A", Part("", secret, "rot13")).send(call);
    FAIL() << "sent";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), DISPATCH_ERR_UNSUPPORTED);
  }
  EXPECT_TRUE(fake.httpCalls.empty());
}

TEST_F(Services, WhatIsWithheldIsNamed) {
  fake.withhold("dispatch.http/1");
  fake.withhold("dispatch.log/1");
  dispatch::Log(host).info("goes nowhere");
  try {
    (void)dispatch::Http(host).get("https://x").send(call);
    FAIL() << "sent";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), DISPATCH_ERR_UNSUPPORTED);
    EXPECT_THAT(failure.message(), testing::HasSubstr("dispatch.http/1"));
  }
}

TEST_F(Services, KvRemembers) {
  const dispatch::Kv kv(host);
  EXPECT_EQ(kv.get(call, "a/1"), std::nullopt);
  kv.put(call, "a/1", std::string("v\0w", 3));
  kv.put(call, "b", "");
  EXPECT_EQ(kv.get(call, "a/1"), std::string("v\0w", 3));
  EXPECT_EQ(kv.get(call, "b"), "");
  EXPECT_EQ(kv.list(call, "a/"), std::vector<std::string>{"a/1"});
  kv.remove(call, "a/1");
  kv.remove(call, "a/1");
  EXPECT_EQ(kv.list(call).size(), 1U);
  EXPECT_THROW(kv.put(call, std::string(300, 'k'), "v"), Failure);
}

TEST_F(Services, TheClockIsTheTests) {
  const dispatch::Clock clock(host);
  const auto before = clock.monotonic();
  const auto wall = clock.now();
  clock.sleep(call, std::chrono::hours(5));
  EXPECT_EQ(clock.monotonic() - before, std::chrono::hours(5));
  EXPECT_EQ(clock.now() - wall, std::chrono::hours(5));
}

TEST_F(Services, MacsAreTheHosts) {
  const dispatch::Crypto crypto(host);
  const dispatch::Secret key(Config(Json{{"s", fake.secret("Jefe")}}).secret("s"));
  // RFC 4231, test case 2
  const std::string mac = crypto.mac(call, "hmac-sha256", key, "what do ya want for nothing?");
  EXPECT_EQ(dispatch::base64Encode(mac), "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
  EXPECT_TRUE(crypto.macMatches(call, "hmac-sha256", key, "what do ya want for nothing?", mac));
  EXPECT_FALSE(crypto.macMatches(call, "hmac-sha256", key, "what do ya want", mac));
  // FIPS 180-2, "abc"
  EXPECT_EQ(dispatch::base64Encode(crypto.hash(call, "sha256", "abc")),
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  EXPECT_EQ(crypto.random(16).size(), 16U);
}

/// Says what it was given, then what it hears; ends at "bye".
class Echo : public dispatch::testing::Peer {
 public:
  std::string greet() override { return "hello\r\nsecond\n"; }
  std::string receive(const std::string& bytes) override {
    _closed = bytes == "bye";
    return _closed ? "half a line" : bytes;
  }
  bool closed() const override { return _closed; }

 private:
  bool _closed = false;
};

TEST_F(Services, StreamsReadLines) {
  fake.onConnect = [](const auto&) { return std::make_unique<Echo>(); };
  dispatch::Stream stream(host, call, {"peer.example.com", 25});
  EXPECT_EQ(stream.readLine(call), "hello");
  EXPECT_THROW(stream.startTls(call), Failure) << "a line in clear is still unread";
  EXPECT_EQ(stream.readLine(call), "second");
  stream.write(call, {Part("one\r\ntwo")});
  EXPECT_EQ(stream.readLine(call), "one");
  EXPECT_EQ(stream.read(call, 2), "tw");
  EXPECT_EQ(stream.read(call, 100), "o");
  stream.write(call, std::string(9000, 'x') + "\n");
  EXPECT_THROW((void)stream.readLine(call, 8192), Failure);
  stream.write(call, "\n");
  stream.write(call, "bye");
  EXPECT_EQ(stream.readLine(call, 10000), std::string(9000, 'x'));
  EXPECT_EQ(stream.readLine(call), "");
  EXPECT_THROW((void)stream.readLine(call), Failure);
}

TEST(Config, SaysWhatIsMissingAndWhatIsWrong) {
  const Config config({{"text", "t"},
                       {"number", 5},
                       {"flag", true},
                       {"list", {"a", "b"}},
                       {"null", nullptr},
                       {"mixed", {1}}});
  const auto message = [](const auto& get) -> std::string {
    try {
      get();
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), DISPATCH_ERR_INVALID);
      return failure.message();
    }
    return "nothing thrown";
  };
  EXPECT_EQ(config.text("text"), "t");
  EXPECT_EQ(config.integer("number"), 5);
  EXPECT_TRUE(config.boolean("flag"));
  EXPECT_EQ(config.texts("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.text("absent", "f"), "f");
  EXPECT_EQ(config.text("null", "f"), "f");
  EXPECT_FALSE(config.optionalSecret("absent"));
  EXPECT_EQ(message([&] { (void)config.text("absent"); }), "Setting \"absent\" is missing: enter text.");
  EXPECT_EQ(message([&] { (void)config.integer("text"); }),
            "Setting \"text\" should be a whole number, but is string.");
  EXPECT_EQ(message([&] { (void)config.text("number", "f"); }),
            "Setting \"number\" should be text, but is number.");
  EXPECT_EQ(message([&] { (void)config.texts("mixed"); }),
            "Setting \"mixed\" should be a list of text, but is number.");
  EXPECT_EQ(message([&] { (void)config.secret("absent"); }),
            "Setting \"absent\" is missing: enter the secret.");
  EXPECT_THAT(message([&] { (void)config.secret("text"); }), testing::HasSubstr("x-dispatch-secret"));
}

TEST_F(Services, MetricsCountAndNeverFail) {
  const dispatch::Metrics metrics(host);
  metrics.count("rows_total", {"people"});
  metrics.record("queue_length", 2.5);
  ASSERT_EQ(fake.metrics.size(), 2U);
  EXPECT_EQ(fake.metrics[0], (Json{{"name", "rows_total"}, {"value", 1}, {"labels", {"people"}}}));
  EXPECT_EQ(fake.metrics[1], (Json{{"name", "queue_length"}, {"value", 2.5}, {"labels", Json::array()}}));
  fake.withhold(DISPATCH_METRIC_1);
  metrics.count("rows_total");
  EXPECT_EQ(fake.metrics.size(), 2U);
}

TEST_F(Services, CommandsAnswerWithTheirExitCode) {
  fake.commands["snapshot"] = [](const std::string& input) {
    return FakeHost::CommandResult{3, "made of " + input, "a warning"};
  };
  const auto result = dispatch::Commands(host).run(call, "snapshot", "db1");
  EXPECT_EQ(result.exitCode, 3);
  EXPECT_EQ(result.output, "made of db1");
  EXPECT_EQ(result.errorOutput, "a warning");
  try {
    dispatch::Commands(host).run(call, "other");
    FAIL() << "it ran";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.status(), DISPATCH_ERR_DENIED);
  }
}

TEST_F(Services, AuditEntriesStandOrThrow) {
  dispatch::Audit(host).record(call, "room.archived", "room 7", {{"by", "ada@example.com"}});
  ASSERT_EQ(fake.audited.size(), 1U);
  EXPECT_EQ(fake.audited[0]["details"]["by"], "ada@example.com");
  fake.fail(DISPATCH_AUDIT_1, DISPATCH_ERR_UNAVAILABLE, "not now");
  EXPECT_THROW(dispatch::Audit(host).record(call, "a", "b"), Failure);
}

}  // namespace
