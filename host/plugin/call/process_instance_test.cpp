#include "plugin/call/process_instance.hpp"

#include "base/problem.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <thread>

namespace dispatch::plugin {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::LogCapture;
using ::testing::Not;

class InstanceTest : public testing::ProbeTest {
 protected:
  JsonOutcome call(const std::string& method, Json input = Json::object(),
                   std::chrono::milliseconds timeout = 2000ms) {
    if (!instance) instance = started();
    CallOptions given;
    given.timeout = timeout;
    return instance->invoke(method, input, given);
  }
  static std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  }

  std::shared_ptr<Instance> instance;
};

/// What holds in the host's own process only: there a deadline is a promise of the plugin. In a worker it is
/// enforced (worker_test.cpp).
class InProcessTest : public InstanceTest {};

TEST_F(InstanceTest, AnswersWithWhatThePluginSaid) {
  const auto outcome = call("echo", {{"ok", true}, {"text", "ä\n\"x\""}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["text"], "ä\n\"x\"");
  EXPECT_EQ(instance->home(), testing::inWorker() ? "worker" : "process");
}

TEST_F(InstanceTest, NotRunningIsUnavailableAndNothingHappened) {
  const auto made = create();
  const auto outcome = made->invoke("echo", {{"ok", true}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_FALSE(outcome.uncertain());
}

TEST_F(InstanceTest, MethodThatItDoesNotHaveIsUnsupported) {
  EXPECT_EQ(call("delete").status, DISPATCH_ERR_UNSUPPORTED);
}

TEST_F(InstanceTest, InputIsCheckedBeforeThePluginSeesIt) {
  const auto outcome = call("echo", {{"ms", 5}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_THAT(outcome.message, HasSubstr("ms must be text, but is a whole number"));
}

TEST_F(InstanceTest, FailingCreateIsAProblemWithThePluginsSentence) {
  try {
    create({{"mode", "create_fails"}});
    FAIL() << "created";
  } catch (const Problem& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("the board key must be upper case"));
  }
  EXPECT_THROW(create({{"mode", "no_instance"}}), Problem);
  EXPECT_THROW(create({{"mode", "pending_create"}}), Problem);
}

TEST_F(InstanceTest, ExceptionOutOfCreateIsAProblemAndNoCrash) {
  testing::PackageFiles throws{"throws", "throws"};
  throws.write(directory / "plugins/throws");
  try {
    create(Json::object(), "throws");
    FAIL() << "created";
  } catch (const Problem& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("let an exception cross the plugin boundary"));
  }
}

TEST_F(InstanceTest, FailingStartMayBeTriedAgain) {
  instance = create({{"mode", "start_fails_once"}});
  const auto first = instance->start();
  EXPECT_EQ(first.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(first.message, HasSubstr("the peer is not there yet"));
  EXPECT_TRUE(instance->start().ok());
  EXPECT_TRUE(call("echo", {{"ok", true}}).ok());
}

TEST_F(InstanceTest, ConfigurationAgainstItsSchemaIsRefused) {
  EXPECT_THROW(create({{"colour", "red"}}), Problem);
  Configuration bypassed;
  bypassed.value = {{"mode", 5}};
  EXPECT_THROW(catalog().create("probe", {}, bypassed), Problem);
}

TEST_F(InstanceTest, SecretsReachThePluginAsHandlesOnly) {
  instance = started({{"token", "very-secret-token"}});
  const auto outcome = call("config");
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_THAT(outcome.value.dump(), Not(HasSubstr("very-secret-token")));
  EXPECT_TRUE(outcome.value["config"]["token"]["$secret"].is_number());
}

TEST_F(InstanceTest, HangingCallIsToldAtItsDeadline) {
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = call("hang", Json::object(), 150ms);
  EXPECT_EQ(outcome.status, DISPATCH_ERR_TIMEOUT);
  EXPECT_THAT(outcome.message, HasSubstr("gave up when told to"));
  EXPECT_GE(since(start), 150ms);
  EXPECT_LT(since(start), 1000ms);
}

TEST_F(InstanceTest, DeadlineIsPushedAndNotOnlyPolled) {
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = call("pushed", Json::object(), 150ms);
  EXPECT_THAT(outcome.message, HasSubstr("was told"));
  EXPECT_LT(since(start), 1000ms);
}

TEST_F(InstanceTest, SleepEndsAtTheDeadline) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(call("sleep", Json::object(), 100ms).status, DISPATCH_ERR_TIMEOUT);
  EXPECT_LT(since(start), 1000ms);
}

TEST_F(InstanceTest, CancellationReachesTheCallAtOnce) {
  instance = started();
  CallOptions given;
  given.cancellation = std::make_shared<Cancellation>();
  const auto start = std::chrono::steady_clock::now();
  auto call =
      std::async(std::launch::async, [&] { return instance->invoke("pushed", Json::object(), given); });
  std::this_thread::sleep_for(100ms);
  given.cancellation->cancel();
  EXPECT_THAT(call.get().message, HasSubstr("was told"));
  EXPECT_LT(since(start), 1000ms);
  const auto after = instance->invoke("echo", {{"ok", true}}, given);
  EXPECT_EQ(after.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(after.message, HasSubstr("nothing happened"));
}

TEST_F(InProcessTest, AnswerAfterTheDeadlineIsUsedAndReported) {
  const LogCapture log;
  const auto outcome = call("slow", {{"ms", "300"}}, 50ms);
  EXPECT_TRUE(outcome.ok());
  EXPECT_THAT(log.text(), HasSubstr("past its deadline"));
}

TEST_F(InstanceTest, PendingCallIsCompletedFromAnotherThread) {
  const auto outcome = call("pending", {{"ms", "50"}});
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["late"], true);
}

TEST_F(InstanceTest, PendingCallMayBeCompletedBeforeItsFunctionReturns) { EXPECT_TRUE(call("at_once").ok()); }

TEST_F(InstanceTest, CompletingTwiceIsReportedAndHarmsNoOtherCall) {
  const LogCapture log;
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(call("twice").ok());
    EXPECT_TRUE(call("echo", {{"ok", true}}).ok());
  }
  for (int i = 0; i < 100 && log.count("completed a call") < 20; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(log.count("completed a call"), 20u) << log.text();
}

TEST_F(InProcessTest, CompletingAfterTheTimeoutIsThrownAwayAndReported) {
  const LogCapture log;
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = call("pending", {{"ms", "500"}}, 100ms);
  EXPECT_EQ(outcome.status, DISPATCH_ERR_TIMEOUT);
  EXPECT_TRUE(outcome.uncertain());
  EXPECT_LT(since(start), 450ms);
  std::this_thread::sleep_for(600ms);
  EXPECT_THAT(log.text(), HasSubstr("the answer is thrown away"));
  EXPECT_TRUE(call("echo", {{"ok", true}}).ok());
}

TEST_F(InProcessTest, GivenUpCallKeepsItsTurnOnlyForAWhile) {
  probe.manifest["max_concurrency"] = 1;
  instance = started();
  EXPECT_EQ(call("pending", {{"ms", "1500"}}, 100ms).status, DISPATCH_ERR_TIMEOUT);
  const auto busy = call("echo", {{"ok", true}}, 50ms);
  EXPECT_EQ(busy.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(busy.message, HasSubstr("is busy"));
  EXPECT_TRUE(call("echo", {{"ok", true}}, 3000ms).ok());
  std::this_thread::sleep_for(1600ms);
  EXPECT_TRUE(call("echo", {{"ok", true}}, 50ms).ok());
}

TEST_F(InstanceTest, PendingCallThatIsToldSaysHowFarItCame) {
  const auto outcome = call("pending_told", Json::object(), 100ms);
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNCERTAIN);
  EXPECT_THAT(outcome.message, HasSubstr("stopped after two of three steps"));
}

TEST_F(InstanceTest, NoMoreCallsAtOnceThanTheManifestAllows) {
  instance = started();
  std::vector<std::future<JsonOutcome>> calls;
  for (int i = 0; i < 16; ++i)
    calls.push_back(
        std::async(std::launch::async, [&] { return instance->invoke("count", Json::object()); }));
  int most = 0;
  for (auto& one : calls) {
    const auto outcome = one.get();
    ASSERT_TRUE(outcome.ok()) << outcome.message;
    most = std::max(most, outcome.value["most"].get<int>());
  }
  EXPECT_LE(most, 4);
  EXPECT_GE(most, 2);
}

TEST_F(InstanceTest, DefectiveAnswersAreFailuresWithASentence) {
  const std::vector<std::pair<std::string, std::string>> expected{
      {"invalid_json", "not valid JSON"},
      {"breaks_contract", "ok must be true or false, but is text"},
      {"no_answer", "its answer is empty"},
      {"null_with_length", "NULL with a length of 10"},
      {"huge_length", "claims 1099511627776 bytes"},
      {"foreign_memory", "not in the memory of its call"},
      {"unknown_status", "unknown status -77"},
      {"positive_status", "unknown status 42"}};
  instance = started();
  CallOptions insisting;
  insisting.insist = true;
  for (const auto& [method, sentence] : expected) {
    const auto outcome = instance->invoke(method, Json::object(), insisting);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_INTERNAL) << method;
    EXPECT_THAT(outcome.message, HasSubstr(sentence)) << method;
    EXPECT_TRUE(outcome.value.is_null()) << method;
  }
}

TEST_F(InstanceTest, DefectiveAnswerAfterAnEffectIsUncertain) {
  EXPECT_EQ(call("breaks_contract_once").status, DISPATCH_ERR_UNCERTAIN);
}

TEST_F(InstanceTest, FailureWithoutASentenceGetsOne) {
  const auto outcome = call("silent");
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("without saying why"));
}

TEST_F(InstanceTest, FailureHasItsSentenceOnOneLineAndItsRetryTime) {
  const auto outcome = call("busy");
  EXPECT_EQ(outcome.retryAfterMs, 7000u);
  EXPECT_EQ(outcome.message, "come back\\nlater");
  EXPECT_EQ(call("silent").retryAfterMs, 0u) << "of the call before";
}

TEST_F(InstanceTest, WhatFailsOneCallAfterTheOtherIsLeftAloneForAWhile) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(call("busy").message, "come back\\nlater") << i;
  const auto refused = call("nothing");
  EXPECT_EQ(refused.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(refused.message, AllOf(HasSubstr("was not asked for nothing"), HasSubstr("come back")));
  EXPECT_GT(refused.retryAfterMs, 1000u);
  EXPECT_EQ(instance->statistics().breaker, "open");
  EXPECT_EQ(instance->statistics().calls, 5u) << "what was not asked is no call";
  CallOptions insisting;
  insisting.insist = true;
  EXPECT_TRUE(instance->invoke("nothing", Json::object(), insisting).ok());
  EXPECT_TRUE(call("nothing").ok());
  EXPECT_EQ(instance->statistics().breaker, "closed");
}

TEST_F(InstanceTest, AProbeThatNeverReachesThePluginLeavesTheWayToTheNext) {
  for (int i = 0; i < 5; ++i) call("busy");
  CallOptions insisting;
  insisting.insist = true;
  insisting.cancellation = std::make_shared<Cancellation>();
  insisting.cancellation->cancel();
  EXPECT_THAT(instance->invoke("nothing", Json::object(), insisting).message, HasSubstr("Cancelled before"));
  EXPECT_EQ(instance->statistics().breaker, "open") << "not waiting for ever for an end of that probe";
}

TEST_F(InstanceTest, RefusalsOfWhatWasAskedSayThatThePluginWorks) {
  for (int i = 0; i < 8; ++i) EXPECT_EQ(call("silent").status, DISPATCH_ERR_DENIED) << i;
}

TEST_F(InstanceTest, TwentyMebibytesOfMemoryAreRefusedAndTenAreNot) {
  const auto refused = call("alloc", {{"bytes", "20971520"}});
  EXPECT_EQ(refused.status, DISPATCH_ERR_LIMIT);
  EXPECT_THAT(refused.message, HasSubstr("the host refused"));
  EXPECT_TRUE(call("alloc", {{"bytes", "10485760"}}).ok());
}

TEST_F(InstanceTest, IdempotencyKeyArrives) {
  instance = started();
  CallOptions given;
  given.idempotencyKey = "step-12";
  EXPECT_EQ(instance->invoke("key", Json::object(), given).value["key"], "step-12");
  EXPECT_EQ(instance->invoke("key", Json::object()).value["key"], "");
}

TEST_F(InstanceTest, UnknownEffectCountsAsTheMostHarmful) {
  instance = started();
  const auto methods = instance->methods();
  const auto found = std::find_if(methods.begin(), methods.end(),
                                  [](const auto& one) { return one.name == "future_effect"; });
  ASSERT_NE(found, methods.end());
  EXPECT_EQ(found->effect, Effect::atMostOnce);
}

TEST_F(InstanceTest, ReconfigureTakesEffectOrLeavesTheOldInForce) {
  instance = started({{"mode", "one"}, {"token", "first-secret"}});
  const auto& schema = instance->manifest().configurationSchema;
  EXPECT_FALSE(instance->reconfigure(makeConfiguration(schema, {{"mode", "refuse"}}, 2)).ok());
  EXPECT_EQ(call("config").value["config"]["mode"], "one");
  EXPECT_TRUE(instance->reconfigure(makeConfiguration(schema, {{"mode", "two"}}, 3)).ok());
  EXPECT_EQ(call("config").value["config"]["mode"], "two");
}

TEST_F(InstanceTest, StoppingCancelsWhatIsUnderWayAndRefusesWhatComes) {
  instance = started();
  auto call = std::async(std::launch::async, [&] { return instance->invoke("hang", Json::object()); });
  std::this_thread::sleep_for(100ms);
  instance->drainAndStop();
  EXPECT_FALSE(call.get().ok());
  EXPECT_EQ(instance->invoke("echo", {{"ok", true}}).status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_TRUE(instance->start().ok());
  EXPECT_TRUE(instance->invoke("echo", {{"ok", true}}).ok());
}

TEST_F(InstanceTest, InstanceMayOutliveItsCatalog) {
  instance = started();
  opened.reset();
  EXPECT_TRUE(call("echo", {{"ok", true}}).ok());
}

TEST_F(InstanceTest, StatisticsCountCallsAndKeepTheLastError) {
  call("echo", {{"ok", true}});
  call("silent");
  const auto statistics = instance->statistics();
  EXPECT_EQ(statistics.calls, 2u);
  EXPECT_EQ(statistics.failures, 1u);
  EXPECT_EQ(statistics.inFlight, 0u);
  EXPECT_THAT(statistics.lastError, HasSubstr("without saying why"));
  EXPECT_FALSE(statistics.lastErrorAt.empty());
}

TEST_F(InstanceTest, LogLinesAreEscapedNamedAndLimited) {
  const LogCapture log;
  call("log", {{"lines", "1"}});
  EXPECT_THAT(log.text(), AllOf(HasSubstr("dispatch.plugin.probe: [instance 7 request "),
                                HasSubstr("a line\\nof \\x1b[31mtwo")));
  call("log", {{"lines", "5000"}});
  EXPECT_LT(log.count("a line"), 400u);
}

TEST_F(InstanceTest, HealthTestIsCheckedInBothDirections) {
  instance = started();
  EXPECT_EQ(instance->test(Json::object()).value["summary"], "works");
  EXPECT_EQ(instance->test({{"what", "wrong"}}).status, DISPATCH_ERR_INTERNAL);
  EXPECT_EQ(instance->test(Json::array()).status, DISPATCH_ERR_INVALID);
}

TEST_F(InstanceTest, AuthFailsClosed) {
  instance = started();
  const auto authenticate = [&](const std::string& what) {
    return instance->authenticate({{"action", "login"}, {"fields", {{"what", what}}}});
  };
  const auto identity = authenticate("identity");
  ASSERT_TRUE(identity.ok()) << identity.message;
  EXPECT_EQ(identity.value["kind"], "identity");
  EXPECT_EQ(identity.value["subject"], "probe-subject");
  EXPECT_EQ(identity.value["email_verified"], true);
  for (const auto* what :
       {"identity_but_denied", "unknown_kind", "positive_status", "no_issuer", "script_redirect"}) {
    const auto outcome = authenticate(what);
    EXPECT_FALSE(outcome.ok()) << what;
    EXPECT_EQ(outcome.value["kind"], "deny") << what;
  }
  const auto denied = authenticate("deny");
  EXPECT_TRUE(denied.ok());
  EXPECT_EQ(denied.value, (Json{{"kind", "deny"}, {"message", "Not you"}, {"field", "password"}}));
  EXPECT_FALSE(instance->authenticate({{"action", "own"}}).ok());
  EXPECT_EQ(instance->describeAuth().value["title"], "Probe");
}

TEST_F(InstanceTest, SecretsComeOutInLockedMemory) {
  instance = started({{"token", "very-secret-token"}});
  const auto outcome = instance->decrypt("NAME", "terces");
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.secret.reveal(), "secret");
  EXPECT_EQ(instance->decrypt("NAME", "none").status, DISPATCH_ERR_INTERNAL);
  const auto stolen = instance->decrypt("NAME", "own-sink");
  EXPECT_THAT(stolen.message, HasSubstr("the sink is not the one"));
  EXPECT_EQ(instance->encrypt("NAME", "plain").value, "plain");
  EXPECT_FALSE(instance->encrypt("NAME", "with-a-bracket").ok());
}

TEST_F(InstanceTest, PasswordStoreIsForAuthProvidersThatAskForIt) {
  instance = started();
  EXPECT_EQ(call("credential").value["ok"], false);
  EXPECT_EQ(instance->manifest().type, "ticket");
  probe.manifest["permissions"] = {{"services", {"dispatch.credential/1"}}};
  instance.reset();
  catalog();
  EXPECT_EQ(call("credential").value["ok"], false) << "a ticket plugin, whatever its manifest says";
}

TEST_F(InstanceTest, KvKeepsAndLimits) {
  EXPECT_TRUE(call("kv", {{"what", "put"}, {"key", "b"}, {"value", "1"}}).ok());
  EXPECT_TRUE(call("kv", {{"what", "put"}, {"key", "a"}, {"value", "2"}}).ok());
  EXPECT_EQ(call("kv", {{"what", "get"}, {"key", "a"}}).value["value"], "2");
  EXPECT_EQ(call("kv", {{"what", "list"}, {"key", ""}}).value["keys"], Json::array({"a", "b"}));
  EXPECT_EQ(call("kv", {{"what", "get"}, {"key", "c"}}).status, DISPATCH_ERR_NOT_FOUND);
  EXPECT_EQ(call("kv", {{"what", "put"}, {"key", std::string(300, 'k')}, {"value", "1"}}).status,
            DISPATCH_ERR_LIMIT);
  for (int i = 0; i < 998; ++i) outside.kvPut(instance->scope(), "key" + std::to_string(i), "x");
  EXPECT_EQ(call("kv", {{"what", "put"}, {"key", "one-more"}, {"value", "1"}}).status, DISPATCH_ERR_LIMIT);
  EXPECT_TRUE(call("kv", {{"what", "put"}, {"key", "a"}, {"value", "3"}}).ok()) << "one that exists";
}

TEST_F(InstanceTest, DirectoryAnswersAndRefusals) {
  const auto found = call("directory", {{"email", "a@b.c"}});
  ASSERT_TRUE(found.ok()) << found.message;
  EXPECT_EQ(found.value["found"][0]["query"]["limit"], 100);
  EXPECT_EQ(call("directory", {{"limit", 5000}}).status, DISPATCH_ERR_INVALID);
  const auto refused = call("directory", {{"forbidden", true}});
  EXPECT_EQ(refused.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(refused.message, HasSubstr("not for this project"));
}

// RFC 4231 test case 2 (key "Jefe"), FIPS 180 "abc".
TEST_F(InstanceTest, CryptoMatchesPublishedVectors) {
  instance = started({{"token", "Jefe"}});
  EXPECT_EQ(call("crypto", {{"what", "hmac-sha256"}, {"data", "what do ya want for nothing?"}}).value["hex"],
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(call("crypto", {{"what", "sha256"}, {"data", "abc"}}).value["hex"],
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(call("crypto", {{"what", "sha1"}, {"data", "abc"}}).value["hex"],
            "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(call("crypto", {{"what", "blake2b-256"}, {"data", "abc"}}).value["hex"],
            "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  EXPECT_EQ(call("crypto", {{"what", "md5"}, {"data", "abc"}}).status, DISPATCH_ERR_UNSUPPORTED);
}

TEST_F(InstanceTest, KeyPrefixStandsBeforeTheSecret) {
  instance = started({{"token", "fe"}});
  EXPECT_EQ(
      call("crypto", {{"what", "hmac-sha256"}, {"prefix", "Je"}, {"data", "what do ya want for nothing?"}})
          .value["hex"],
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace dispatch::plugin
