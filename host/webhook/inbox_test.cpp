#include "webhook/inbox.hpp"

#include "base/base.hpp"
#include "store/testing/test_database.hpp"
#include "webhook/testing/fake_plugins.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace dispatch::webhook {
namespace {

using namespace std::chrono_literals;
using testing::FakeIntegrations;
using testing::FakeReceiver;
using ::testing::HasSubstr;
using ::testing::Not;

class Webhooks : public store::testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    options.tick = 10ms;
    options.retryFirst = 20ms;
    options.retryMost = 50ms;
    options.lease = 400ms;
    const std::string at = nowText();
    db().session()->insert("plugin", {{"slug", std::string("hook")},
                                      {"title", std::string("Hook")},
                                      {"version", std::string("1")},
                                      {"type", std::string("webhook")},
                                      {"created_at", at},
                                      {"updated_at", at}});
    instance = row();
    receiver = std::make_shared<FakeReceiver>();
    plugins.set(instance, receiver);
  }
  void TearDown() override {
    inbox.reset();
    DatabaseTest::TearDown();
  }

  std::int64_t row() {
    const std::string at = nowText();
    return db().session()->insert("plugin_instance", {{"organization_id", std::int64_t{1}},
                                                      {"project_id", std::int64_t{1}},
                                                      {"plugin_slug", std::string("hook")},
                                                      {"enabled", true},
                                                      {"created_at", at},
                                                      {"updated_at", at}});
  }
  Inbox& running(const std::string& host = "host-1") {
    inbox = std::make_unique<Inbox>(db(), plugins, envelope, host, options);
    inbox->run();
    return *inbox;
  }
  static plugin::WebhookRequest request(const std::string& body = "{}") {
    plugin::WebhookRequest made;
    made.method = "POST";
    made.path = "/below";
    made.headers = {{"Authorization", "Bearer sender-credential"}};
    made.body = body;
    made.peerAddress = "203.0.113.7";
    return made;
  }
  Endpoints::Found endpoint() const { return {instance, 1}; }
  Json first() {
    const Json all = inbox->list(instance);
    return all.empty() ? Json::object() : all.back();
  }
  bool becomes(const std::string& state, std::chrono::milliseconds patience = 10s) {
    for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;
         std::this_thread::sleep_for(5ms))
      if (first().value("state", "") == state) return true;
    return false;
  }
  template <class Work>
  static std::optional<Problem> refused(Work work) {
    try {
      work();
    } catch (const Problem& problem) {
      return problem;
    }
    return std::nullopt;
  }

  config::Envelope envelope{config::SecretText("a key of more than thirty-two characters")};
  FakeIntegrations plugins;
  std::shared_ptr<FakeReceiver> receiver;
  InboxOptions options;
  std::int64_t instance = 0;
  std::unique_ptr<Inbox> inbox;
};
DISPATCH_TEST_ON_BOTH_DATABASES(Webhooks);

TEST_P(Webhooks, SenderGetsWhatThePluginSaysInTime) {
  receiver->onReceive = [](const auto& asked) {
    return FakeReceiver::answered(201, "challenge " + asked.body);
  };
  const auto answer = running().receive(endpoint(), request("abc"));
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "challenge abc");
  EXPECT_EQ(first()["state"], "done");
  EXPECT_EQ(first()["response_status"], 201);
}

TEST_P(Webhooks, CookiesOfThisOriginStayHere) {
  std::string seen;
  receiver->onReceive = [&](const auto& asked) {
    for (const auto& [name, value] : asked.headers) seen += name + ": " + value + "\n";
    return FakeReceiver::answered(200);
  };
  auto made = request();
  made.headers = {
      {"cookie", "__Host-dispatch_session=an-admins"}, {"X-Signature", "s"}, {"x-csrf-token", "t"}};
  running().receive(endpoint(), made);
  EXPECT_EQ(seen, "X-Signature: s\n");
}

TEST_P(Webhooks, IsCommittedBeforeThePluginSeesIt) {
  std::atomic<std::int64_t> found{0};
  receiver->onReceive = [&](const auto&) {
    found = db().session()
                ->one("SELECT count(*) AS n FROM webhook_delivery WHERE state = 'running'")
                ->integer("n");
    return FakeReceiver::answered(200);
  };
  running().receive(endpoint(), request());
  EXPECT_EQ(found, 1);
}

TEST_P(Webhooks, PluginThatIsDownHasItLater) {
  plugins.set(instance, nullptr);
  EXPECT_EQ(running().receive(endpoint(), request()).status, 202);
  ASSERT_TRUE(becomes("waiting"));
  EXPECT_EQ(first()["reason"], "The plugin cannot start now.");
  plugins.set(instance, receiver);
  EXPECT_TRUE(becomes("done"));
}

TEST_P(Webhooks, AnAttemptThatFailsIsRepeatedWithTheSameBytes) {
  std::string seen;
  std::atomic<int> calls{0};
  receiver->onReceive = [&](const auto& asked) {
    if (++calls < 3) return FakeReceiver::failed(DISPATCH_ERR_UNCERTAIN, "it crashed");
    seen = asked.body + "|" + asked.path + "|" + asked.headers.at(0).second + "|" +
           std::to_string(asked.attempt);
    return FakeReceiver::answered(200);
  };
  const std::string bytes("\0\xff{}", 4);
  EXPECT_EQ(running().receive(endpoint(), request(bytes)).status, 202);
  ASSERT_TRUE(becomes("done"));
  EXPECT_EQ(seen, bytes + "|/below|Bearer sender-credential|3");
  EXPECT_EQ(first()["attempt"], 3);
}

TEST_P(Webhooks, SlowPluginDoesNotKeepItsSenderWaiting) {
  options.answerWithin = 30ms;
  receiver->onReceive = [](const auto&) {
    std::this_thread::sleep_for(200ms);
    return FakeReceiver::answered(200);
  };
  EXPECT_EQ(running().receive(endpoint(), request()).status, 202);
  EXPECT_TRUE(becomes("done"));
  EXPECT_EQ(first()["attempt"], 1) << "the attempt went on";
}

TEST_P(Webhooks, TheSameDeliveryIsReceivedOnce) {
  std::atomic<int> calls{0};
  receiver->onIdentify = [](const auto&) { return FakeReceiver::identified("d-1"); };
  receiver->onReceive = [&](const auto&) {
    ++calls;
    return FakeReceiver::answered(204, "");
  };
  running().receive(endpoint(), request());
  EXPECT_EQ(inbox->receive(endpoint(), request()).status, 204);
  EXPECT_EQ(calls, 1);
  const Json all = inbox->list(instance);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["state"], "duplicate");
  EXPECT_EQ(all[0]["reason"], "The same as delivery " + std::to_string(all[1]["id"].get<int>()) + ".");
}

TEST_P(Webhooks, ARefusedDeliveryDoesNotTakeTheIdOfARightOne) {
  receiver->onIdentify = [](const auto&) { return FakeReceiver::identified("d-1"); };
  receiver->onReceive = [](const auto& asked) {
    return asked.body == "right" ? FakeReceiver::answered(200) : FakeReceiver::answered(401);
  };
  EXPECT_EQ(running().receive(endpoint(), request("wrong")).status, 401);
  EXPECT_EQ(first()["state"], "refused");
  EXPECT_EQ(inbox->receive(endpoint(), request("right")).status, 200);
}

TEST_P(Webhooks, WhatIsRefusedAfterItsSenderWasTold202StaysForAPerson) {
  options.answerWithin = 10ms;
  std::atomic<bool> right{false};
  receiver->onReceive = [&](const auto&) {
    if (right) return FakeReceiver::answered(200);
    std::this_thread::sleep_for(100ms);
    return FakeReceiver::answered(401);
  };
  EXPECT_EQ(running().receive(endpoint(), request()).status, 202);
  ASSERT_TRUE(becomes("failed"));
  EXPECT_THAT(first()["reason"].get<std::string>(), HasSubstr("Refused after its sender had been told 202"));
  EXPECT_EQ(first()["retryable"], true);
  right = true;
  inbox->retry(instance, first()["id"], "me");
  EXPECT_TRUE(becomes("done"));
}

TEST_P(Webhooks, OneBusyAddressLeavesRoomForTheOthers) {
  options.answerWithin = 5s;
  std::atomic<bool> release{false};
  receiver->onReceive = [&](const auto&) {
    while (!release) std::this_thread::sleep_for(5ms);
    return FakeReceiver::answered(200);
  };
  const auto quick = std::make_shared<FakeReceiver>();
  const auto another = row();
  plugins.set(another, quick);
  running();
  std::vector<std::thread> senders;
  for (int i = 0; i < 40; ++i) senders.emplace_back([&] { inbox->receive(endpoint(), request()); });
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(inbox->receive({another, 1}, request()).status, 200) << "its sender gets the plugin's own answer";
  Deliveries by(db(), envelope, "a-host-that-is-gone", 0ms);
  by.add(1, another, request(), true);
  const auto isDone = [&] { return inbox->list(another)[0]["state"] == "done"; };
  for (int i = 0; i < 400 && !isDone(); ++i) std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(isDone()) << "what waits in the database has its turn, too";
  release = true;
  for (auto& sender : senders) sender.join();
  for (int i = 0; i < 1000 && inbox->list(instance).dump().find("waiting") != std::string::npos; ++i)
    std::this_thread::sleep_for(5ms);
  const auto all = inbox->list(instance);
  EXPECT_EQ(all.size(), 40u);
}

TEST_P(Webhooks, StopEndsWhatDoesNotEndByItself) {
  options.answerWithin = 10ms;
  options.stopWithin = 50ms;
  std::atomic<bool> began{false};
  receiver->onReceive = [&](const auto&) {
    began = true;
    while (!receiver->cancelled()) std::this_thread::sleep_for(5ms);
    return FakeReceiver::failed(DISPATCH_ERR_CANCELLED, "cancelled");
  };
  running().receive(endpoint(), request());
  while (!began) std::this_thread::sleep_for(1ms);
  inbox->stop();
  EXPECT_EQ(first()["state"], "waiting") << "the next server has it";
}

TEST_P(Webhooks, WhoLostTheLeaseBringsNothing) {
  std::atomic<int> calls{0};
  receiver->onIdentify = [&](const auto&) {
    db().session()->execute("UPDATE webhook_delivery SET lease_owner = 'another-host'", {});
    return FakeReceiver::identified("d-1");
  };
  receiver->onReceive = [&](const auto&) {
    ++calls;
    return FakeReceiver::answered(200);
  };
  EXPECT_EQ(running().receive(endpoint(), request()).status, 202);
  EXPECT_EQ(calls, 0);
}

TEST_P(Webhooks, WhatEndsTheServerAgainAndAgainIsGivenUp) {
  options.attempts = 3;
  Deliveries dead(db(), envelope, "dead-host", 0ms);
  const auto id = dead.add(1, instance, request(), true);
  db().session()->execute("UPDATE webhook_delivery SET attempt = 3 WHERE id = ?", {id});
  inbox = std::make_unique<Inbox>(db(), plugins, envelope, "host-1", options);
  EXPECT_TRUE(dead.takeDue(10, {}, 3).empty());
  EXPECT_EQ(first()["state"], "failed");
}

TEST_P(Webhooks, ARefusalBySentenceIsTheOperatorsAlone) {
  receiver->onReceive = [](const auto&) {
    return FakeReceiver::failed(DISPATCH_ERR_DENIED, "inner matters");
  };
  const auto answer = running().receive(endpoint(), request());
  EXPECT_EQ(answer.status, 401);
  EXPECT_THAT(answer.body, Not(HasSubstr("inner matters")));
  EXPECT_EQ(first()["reason"], "inner matters");
}

TEST_P(Webhooks, WhatADeadServerHadInHandIsTakenOver) {
  Deliveries dead(db(), envelope, "dead-host", options.lease);
  const auto id = dead.add(1, instance, request("survivor"), true);
  std::atomic<int> calls{0};
  receiver->onReceive = [&](const auto& asked) {
    if (asked.body == "survivor") ++calls;
    return FakeReceiver::answered(200);
  };
  running();
  EXPECT_TRUE(becomes("done"));
  EXPECT_EQ(calls, 1);
  dead.end(id, {state::kFailed, 0, "said by the dead"});
  EXPECT_EQ(first()["state"], "done") << "who lost the lease has nothing to say";
}

TEST_P(Webhooks, ALongAttemptKeepsItsLease) {
  options.answerWithin = 10ms;
  std::atomic<int> calls{0};
  receiver->onReceive = [&](const auto&) {
    ++calls;
    std::this_thread::sleep_for(1500ms);  // almost four leases
    return FakeReceiver::answered(200);
  };
  running().receive(endpoint(), request());
  // Nobody takes it meanwhile: not another server, which SQLite cannot have, and not this one.
  Inbox other(db(), plugins, envelope, "host-2", options);
  if (GetParam() == store::Dialect::postgresql) other.run();
  EXPECT_TRUE(becomes("done"));
  EXPECT_EQ(calls, 1);
}

TEST_P(Webhooks, OnePluginThatHangsDoesNotHoldUpTheOthers) {
  options.answerWithin = 10ms;
  std::atomic<bool> release{false};
  receiver->onReceive = [&](const auto&) {
    while (!release) std::this_thread::sleep_for(5ms);
    return FakeReceiver::answered(200);
  };
  const auto other = row();
  plugins.set(other, std::make_shared<FakeReceiver>());
  running();
  for (int i = 0; i < 6; ++i) inbox->receive(endpoint(), request());
  inbox->receive({other, 1}, request());
  bool done = false;
  for (int i = 0; i < 1000 && !done; ++i, std::this_thread::sleep_for(5ms))
    done = inbox->list(other)[0]["state"] == "done";
  EXPECT_TRUE(done);
  release = true;
}

TEST_P(Webhooks, GivesUpVisiblyAndAPersonMayTryAgain) {
  options.attempts = 2;
  std::atomic<bool> works{false};
  receiver->onReceive = [&](const auto&) {
    return works ? FakeReceiver::answered(200) : FakeReceiver::failed(DISPATCH_ERR_UNAVAILABLE, "not now");
  };
  running().receive(endpoint(), request());
  ASSERT_TRUE(becomes("failed"));
  EXPECT_THAT(first()["reason"].get<std::string>(), HasSubstr("Given up after 2 attempts"));
  EXPECT_TRUE(first()["retryable"].get<bool>());
  works = true;
  const auto id = first()["id"].get<std::int64_t>();
  inbox->retry(instance, id, "root@example.com");
  ASSERT_TRUE(becomes("done"));
  const auto again = refused([&] { inbox->retry(instance, id, "root@example.com"); });
  ASSERT_TRUE(again);
  EXPECT_EQ(again->kind(), Problem::Kind::conflict);
  EXPECT_EQ(refused([&] { inbox->retry(instance + 1, id, "root@example.com"); })->kind(),
            Problem::Kind::notFound);
}

TEST_P(Webhooks, TooManyAreRefusedBeforeAnythingIsStored) {
  options.rate = {.burst = 2, .perSecond = 0.001};
  running().receive(endpoint(), request());
  inbox->receive(endpoint(), request());
  const auto refusal = refused([&] { inbox->receive(endpoint(), request()); });
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind(), Problem::Kind::tooMany);
  EXPECT_GT(refusal->retryAfterMs(), 0u);
  EXPECT_EQ(inbox->list(instance).size(), 2u);
}

TEST_P(Webhooks, AFullInboxSaysSo) {
  options.mostWaiting = 1;
  options.retryFirst = 60s;
  options.retryMost = 60s;
  plugins.set(instance, nullptr);
  running().receive(endpoint(), request());
  ASSERT_TRUE(becomes("waiting"));
  EXPECT_EQ(refused([&] { inbox->receive(endpoint(), request()); })->kind(), Problem::Kind::unavailable);
}

TEST_P(Webhooks, TheDatabaseTellsNeitherTokenNorCredentials) {
  plugins.set(instance, nullptr);
  options.retryFirst = options.retryMost = 60s;
  const auto path = running().endpoints().path(instance);
  inbox->receive(endpoint(), request("the body of it"));
  ASSERT_TRUE(becomes("waiting"));
  std::string all;
  for (const char* table : {"plugin_webhook", "webhook_delivery"})
    for (const auto& one : db().session()->query(std::string("SELECT * FROM ") + table))
      for (std::size_t i = 0; i < one.size(); ++i) all += store::toJson(one.at(i)).dump() + "\n";
  EXPECT_THAT(all, Not(HasSubstr(path.substr(path.rfind('/') + 1))));
  EXPECT_THAT(all, Not(HasSubstr("sender-credential")));
  EXPECT_THAT(all, Not(HasSubstr("the body of it")));
  EXPECT_THAT(all, HasSubstr("enc:v1:"));
}

TEST_P(Webhooks, NothingOfARequestIsKeptOnceItIsDone) {
  running().receive(endpoint(), request());
  EXPECT_TRUE(becomes("done"));
  EXPECT_EQ(db().session()->one("SELECT request FROM webhook_delivery")->optionalText("request"),
            std::nullopt);
}

TEST_P(Webhooks, AnAddressIsOneEnabledInstanceAndNothingElse) {
  Endpoints endpoints(db(), envelope);
  const auto path = endpoints.path(instance);
  EXPECT_TRUE(path.starts_with("/api/v1/default/events/hook/")) << path;
  const auto token = path.substr(path.rfind('/') + 1);
  EXPECT_EQ(token.size(), 43u) << "256 bit";
  EXPECT_EQ(endpoints.path(instance), path);
  ASSERT_TRUE(endpoints.find(1, "hook", token));
  EXPECT_EQ(endpoints.find(1, "hook", token)->instanceId, instance);
  EXPECT_FALSE(endpoints.find(2, "hook", token));
  EXPECT_FALSE(endpoints.find(1, "other", token));
  EXPECT_FALSE(endpoints.find(1, "hook", token.substr(1) + "A"));
  EXPECT_FALSE(endpoints.find(1, "hook", ""));

  const auto rotated = endpoints.rotate(instance, "root@example.com");
  EXPECT_NE(rotated, path);
  EXPECT_FALSE(endpoints.find(1, "hook", token));
  EXPECT_TRUE(endpoints.find(1, "hook", rotated.substr(rotated.rfind('/') + 1)));
  EXPECT_EQ(db().session()->one("SELECT count(*) AS n FROM plugin_webhook")->integer("n"), 1);

  db().session()->execute("UPDATE plugin_instance SET enabled = ? WHERE id = ?", {false, instance});
  EXPECT_FALSE(endpoints.find(1, "hook", rotated.substr(rotated.rfind('/') + 1)));
}

TEST_P(Webhooks, OldOnesAreRemovedAndThoseThatWaitAreNot) {
  running();
  const auto add = [&](const char* state, std::chrono::hours ago) {
    const std::string at = toText(now() - ago);
    db().session()->insert(
        "webhook_delivery",
        {{"organization_id", std::int64_t{1}},
         {"plugin_instance_id", instance},
         {"method", std::string("POST")},
         {"path", std::string()},
         {"peer_address", std::string("x")},
         {"body_bytes", std::int64_t{0}},
         {"state", std::string(state)},
         {"next_try_at", toText(now() + 1h)},
         {"received_at", at},
         {"finished_at", std::string(state) == "waiting" ? store::Value() : store::Value(at)}});
  };
  add("done", 24h * 31);
  add("done", 24h * 29);
  add("refused", 25h);
  add("refused", 1h);
  add("waiting", 24h * 100);
  EXPECT_EQ(removeOldDeliveries(db()), 2);
  EXPECT_EQ(inbox->list(instance).size(), 3u);
}

TEST(WebhookRate, IsABurstAndThenSoManyASecond) {
  auto moment = RateLimit::Clock::time_point(1h);
  RateLimit rate({.burst = 3, .perSecond = 2}, [&] { return moment; });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rate.enter(1).count(), 0);
  EXPECT_EQ(rate.enter(1), 500ms);
  EXPECT_EQ(rate.enter(2).count(), 0) << "each instance has its own";
  moment += 500ms;
  EXPECT_EQ(rate.enter(1).count(), 0);
  EXPECT_GT(rate.enter(1).count(), 0);
}

TEST_P(Webhooks, OfWhatFailedTheNewest200KeepTheirRequests) {
  db().session()->execute(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 203) INSERT INTO "
      "webhook_delivery "
      "(organization_id, plugin_instance_id, method, path, peer_address, body_bytes, request, state, "
      "received_at, "
      "finished_at) SELECT 1, ?, 'POST', '', '', 0, 'sealed', 'failed', ?, ? FROM n",
      {instance, nowText(), nowText()});
  options.attempts = 1;
  receiver->onReceive = [](const auto&) { return FakeReceiver::failed(DISPATCH_ERR_UNAVAILABLE, "down"); };
  running().receive(endpoint(), request());
  const auto kept = [&] {
    return db()
        .session()
        ->one("SELECT count(*) AS n FROM webhook_delivery WHERE state = 'failed' AND request IS NOT NULL")
        ->integer("n");
  };
  for (int i = 0; i < 2000 && kept() != 200; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(kept(), 200);
  EXPECT_TRUE(inbox->list(instance).front()["retryable"].get<bool>()) << "the newest one is among them";
}

TEST_P(Webhooks, OfTheRefusedTheNewestThousandStay) {
  db().session()->execute(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1004) INSERT INTO "
      "webhook_delivery "
      "(organization_id, plugin_instance_id, method, path, peer_address, body_bytes, state, received_at, "
      "finished_at) "
      "SELECT 1, ?, 'POST', '', '', 0, 'refused', ?, ? FROM n",
      {instance, nowText(), nowText()});
  EXPECT_EQ(removeOldDeliveries(db()), 4);
  EXPECT_EQ(removeOldDeliveries(db()), 0);
}

}  // namespace
}  // namespace dispatch::webhook
