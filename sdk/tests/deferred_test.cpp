#include <dispatch/sdk.hpp>
#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace {

using dispatch::Call;
using dispatch::Completion;
using dispatch::Deferred;
using dispatch::Failure;
using dispatch::Ticket;
using dispatch::testing::CallOptions;
using dispatch::testing::FakeHost;
using dispatch::testing::Json;
using namespace std::chrono_literals;

/// Answers later, in the way that the incident's title names.
class Later : public dispatch::TicketPlugin {
 public:
  Later(const dispatch::Host& host, const dispatch::Config&) : TicketPlugin(host) {}
  ~Later() { join(); }
  void stop(const Call&) { join(); }
  void join() {
    if (_thread.joinable()) _thread.join();
  }

  Deferred<Ticket> create(const Call& call, const dispatch::TicketCreate& request) {
    join();
    const std::string way = request.incident.title;
    auto completion = call.defer<Ticket>();
    const auto later = completion.deferred();
    if (way == "throw after deferring") throw std::runtime_error("changed its mind");
    if (way == "answer, then throw") {
      completion.answer({"first", "w", ""});
      throw std::runtime_error("too late");
    }
    if (way == "defer twice") (void)call.defer<Ticket>();
    if (way == "at once") {
      completion.answer({"at once", "w", ""});
      return later;
    }
    if (way == "when cancelled") {
      auto shared = std::make_shared<Completion<Ticket>>(std::move(completion));
      call.onCancel([shared] { shared->fail(Failure(DISPATCH_ERR_CANCELLED, "Stopped, as asked.")); });
      return later;
    }
    if (way == "poll until cancelled") {
      _thread = std::thread([completion = std::move(completion)]() mutable {
        while (!completion.cancelled()) std::this_thread::sleep_for(1ms);
        completion.fail(Failure(DISPATCH_ERR_CANCELLED, "Noticed."));
      });
      return later;
    }
    call.onCancel([] {});
    _thread = std::thread([completion = std::move(completion), way]() mutable {
      if (way == "drop") return;
      if (way == "fail") return completion.fail(Failure::unavailable("Not now.", 70ms));
      completion.answer({"later", "w", ""});
      completion.answer({"again", "w", ""});
    });
    return later;
  }
  void update(const Call& call, const dispatch::TicketUpdate& request) {
    if (request.incident.title == "throw if cancelled") call.throwIfCancelled();
    if (request.incident.title == "wait for cancel") {
      std::atomic<bool> told{false};
      call.onCancel([&] { told = true; });
      while (!told) std::this_thread::sleep_for(1ms);
      throw Failure(DISPATCH_ERR_CANCELLED, "Told.");
    }
  }

 private:
  std::thread _thread;
};

/// Says Deferred and never asked for a completion.
class Empty : public dispatch::ContactPlugin {
 public:
  Empty(const dispatch::Host& host, const dispatch::Config&) : ContactPlugin(host) {}
  dispatch::Contact get(const Call& call, const dispatch::ContactGet&) {
    auto completion = call.defer<dispatch::Contact>();
    _kept = std::make_unique<Completion<dispatch::Contact>>(std::move(completion));
    return {"answered", "itself", {}, {}, {}, {}, {}, {}};
  }
  void stop(const Call&) { _kept.reset(); }

 private:
  std::unique_ptr<Completion<dispatch::Contact>> _kept;
};

const dispatch_plugin_v1 later = dispatch::sdk::Entry<Later>::describe("later", "1.0.0");
const dispatch_plugin_v1 empty = dispatch::sdk::Entry<Empty>::describe("empty", "1.0.0");

Json way(const std::string& title) {
  return {{"incident", {{"id", 1}, {"name", "n"}, {"title", title}}}, {"ticket", {{"resource_id", "r"}}}};
}

TEST(Deferred, IsAnsweredFromAnotherThread) {
  FakeHost host;
  auto plugin = host.load(&later);
  for (int i = 0; i < 200; ++i) {
    const auto outcome = plugin.invoke("create", way("normal"));
    ASSERT_TRUE(outcome.ok()) << outcome.message;
    ASSERT_EQ(outcome.value["resource_id"], "later");
  }
}

TEST(Deferred, MayBeAnsweredBeforeTheMethodReturns) {
  FakeHost host;
  EXPECT_EQ(host.load(&later).invoke("create", way("at once")).value["resource_id"], "at once");
}

TEST(Deferred, FailsWithItsSentence) {
  FakeHost host;
  const auto outcome = host.load(&later).invoke("create", way("fail"));
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_EQ(outcome.message, "Not now.");
  EXPECT_EQ(outcome.retryAfterMs, 70U);
}

TEST(Deferred, ADroppedCompletionIsAFailureNotAHang) {
  FakeHost host;
  const auto outcome = host.load(&later).invoke("create", way("drop"));
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INTERNAL);
  EXPECT_EQ(outcome.message, "The plugin dropped the call without an answer.");
}

TEST(Deferred, AThrowAfterDeferringIsAnsweredOnce) {
  FakeHost host;
  auto plugin = host.load(&later);
  EXPECT_EQ(plugin.invoke("create", way("throw after deferring")).status, DISPATCH_ERR_INTERNAL);
  EXPECT_EQ(plugin.invoke("create", way("answer, then throw")).value["resource_id"], "first");
  EXPECT_EQ(plugin.invoke("create", way("defer twice")).status, DISPATCH_ERR_INTERNAL);
}

TEST(Deferred, AMethodThatDefersAndAnswersItselfFails) {
  FakeHost host;
  auto plugin = host.load(&empty);
  const auto outcome = plugin.invoke("get", {{"email", "a@b"}});
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INTERNAL);
  EXPECT_TRUE(plugin.stop().ok());
}

TEST(Deferred, CancellationIsPushed) {
  FakeHost host;
  auto plugin = host.load(&later);
  for (const char* how : {"when cancelled", "poll until cancelled"}) {
    const auto outcome = plugin.invoke("create", way(how), CallOptions{.cancelAfter = 20ms});
    EXPECT_EQ(outcome.status, DISPATCH_ERR_CANCELLED) << how;
  }
  EXPECT_EQ(plugin.invoke("create", way("when cancelled"), CallOptions{.cancelled = true}).message,
            "Stopped, as asked.");
}

TEST(Cancellation, ReachesAMethodThatIsAtWork) {
  FakeHost host;
  auto plugin = host.load(&later);
  EXPECT_EQ(plugin.invoke("update", way("wait for cancel"), CallOptions{.cancelAfter = 20ms}).message,
            "Told.");
  EXPECT_EQ(plugin.invoke("update", way("throw if cancelled"), CallOptions{.cancelled = true}).status,
            DISPATCH_ERR_CANCELLED);
  EXPECT_TRUE(plugin.invoke("update", way("throw if cancelled")).ok());
}

}  // namespace
