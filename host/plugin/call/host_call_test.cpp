#include "plugin/call/host_call.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace dispatch::plugin {
namespace {

using namespace std::chrono_literals;

class Owner : public CallOwner {
 public:
  void lateAnswer(HostCall&, dispatch_status) noexcept override { ++late; }
  void misbehaved(const HostCall&, const char*) noexcept override { ++wrong; }
  std::string presentable(std::string_view text) const override { return std::string(text); }
  std::atomic<int> late{0}, wrong{0};
};

class HostCallTest : public ::testing::Test {
 protected:
  void begin(std::chrono::milliseconds timeout = 1000ms) {
    HostCall::Start start;
    start.requestId = 1;
    start.deadlineNs = monotonicNs() + static_cast<std::uint64_t>(timeout.count()) * 1'000'000;
    call.begin(start);
  }
  void finish() {
    call.end();
    call.recycle();
  }
  static void count(void* user) { ++*static_cast<std::atomic<int>*>(user); }

  Owner owner;
  HostCall call{owner};
  const dispatch_call* abi = call.abi();
  std::atomic<int> notified{0};
};

TEST(Arena, GivesAlignedDistinctMemoryUpToItsLimit) {
  Arena arena(1u << 20);
  for (const std::uint64_t align : {1u, 2u, 8u, 64u}) {
    auto* memory = arena.allocate(100, align);
    ASSERT_NE(memory, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % align, 0u);
    std::memset(memory, 1, 100);
    EXPECT_TRUE(arena.owns(memory, 100));
    EXPECT_FALSE(arena.owns(memory, 1u << 20));
  }
  EXPECT_EQ(arena.allocate(10, 3), nullptr);
  EXPECT_EQ(arena.allocate(10, 128), nullptr);
  EXPECT_EQ(arena.allocate(UINT64_MAX, 1), nullptr);
  EXPECT_NE(arena.allocate(0, 1), nullptr);
  EXPECT_NE(arena.allocate(900'000, 1), nullptr) << "larger than a chunk";
  EXPECT_EQ(arena.allocate(200'000, 1), nullptr) << "past the limit together";
  int outside = 0;
  EXPECT_FALSE(arena.owns(&outside, sizeof outside));
  arena.reset();
  EXPECT_NE(arena.allocate(1'000'000, 1), nullptr);
}

TEST(Arena, ServesSeveralThreads) {
  Arena arena;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::vector<unsigned char*> given;
      for (int i = 0; i < 2000; ++i) {
        auto* memory = static_cast<unsigned char*>(arena.allocate(64, 8));
        std::memset(memory, t, 64);
        given.push_back(memory);
      }
      for (const auto* memory : given)
        for (int i = 0; i < 64; ++i) wrong += memory[i] != t ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(HostCallTest, NotifyIsCalledOnceAndAtOnceIfItIsLate) {
  begin();
  abi->on_cancel(abi, count, &notified);
  call.cancel(DISPATCH_ERR_CANCELLED);
  call.cancel(DISPATCH_ERR_TIMEOUT);
  EXPECT_EQ(notified, 1);
  EXPECT_EQ(call.cancelReason(), DISPATCH_ERR_CANCELLED) << "the first reason stands";
  abi->on_cancel(abi, count, &notified);
  EXPECT_EQ(notified, 2);
  EXPECT_EQ(abi->is_cancelled(abi), 1);
  finish();
}

TEST_F(HostCallTest, RemovedNotifyIsNotCalledAndNotRunning) {
  for (int i = 0; i < 200; ++i) {
    begin();
    std::atomic<bool> inside{false};
    abi->on_cancel(
        abi,
        [](void* user) {
          auto& flag = *static_cast<std::atomic<bool>*>(user);
          flag = true;
          std::this_thread::sleep_for(1ms);
          flag = false;
        },
        &inside);
    std::thread canceller([&] { call.cancel(DISPATCH_ERR_CANCELLED); });
    if (i % 2 == 0) std::this_thread::yield();
    abi->on_cancel(abi, nullptr, nullptr);
    EXPECT_FALSE(inside);
    canceller.join();
    EXPECT_FALSE(inside);
    finish();
  }
}

TEST_F(HostCallTest, CancellationOfOneCallNeverReachesTheNext) {
  std::atomic<bool> ending{false};
  // What the watch does, without its pauses.
  std::thread watch([&] {
    while (!ending) call.checkDeadline(monotonicNs());
  });
  for (int i = 0; i < 20'000; ++i) {
    begin(i % 3 == 0 ? 0ms : 10'000ms);
    if (i % 3 != 0) {
      EXPECT_FALSE(call.cancelled()) << i;
    }
    finish();
    EXPECT_FALSE(call.cancelled());
  }
  ending = true;
  watch.join();
}

TEST_F(HostCallTest, TouchingACallThatHasEndedIsReported) {
  begin();
  finish();
  EXPECT_EQ(abi->alloc(abi, 10, 1), nullptr);
  abi->complete(abi, DISPATCH_OK, nullptr);
  EXPECT_EQ(owner.wrong, 2);
}

TEST_F(HostCallTest, GivenUpCallIsAnsweredLateOnce) {
  begin(10ms);
  EXPECT_FALSE(call.await().given);
  EXPECT_FALSE(call.answeredLate());
  abi->complete(abi, DISPATCH_OK, nullptr);
  EXPECT_TRUE(call.answeredLate());
  abi->complete(abi, DISPATCH_OK, nullptr);
  EXPECT_EQ(owner.late, 1);
  EXPECT_EQ(owner.wrong, 1);
}

TEST_F(HostCallTest, ReasonIsWhatStandsRecorded) {
  begin();
  dispatch_str text{};
  abi->reason(abi, &text);
  EXPECT_EQ(text.len, 0u);
  EXPECT_EQ(abi->fail(abi, DISPATCH_ERR_DENIED, {"no", 2}, 5), DISPATCH_ERR_DENIED);
  abi->fail(abi, DISPATCH_ERR_DENIED, {"not at all", 10}, 5);
  abi->reason(abi, &text);
  EXPECT_EQ(std::string(text.ptr, text.len), "not at all");
  EXPECT_TRUE(call.arena().owns(text.ptr, text.len));
  finish();
  begin();
  EXPECT_EQ(call.message(), "");
  finish();
}

TEST_F(HostCallTest, NullAndAbsurdArgumentsDoNoHarm) {
  begin();
  EXPECT_EQ(abi->fail(abi, DISPATCH_ERR_DENIED, {nullptr, 10}, 0), DISPATCH_ERR_DENIED);
  EXPECT_EQ(abi->fail(abi, DISPATCH_ERR_DENIED, {"x", UINT64_MAX}, 0), DISPATCH_ERR_DENIED);
  EXPECT_EQ(abi->fail(nullptr, DISPATCH_ERR_DENIED, {"x", 1}, 0), DISPATCH_ERR_DENIED);
  EXPECT_EQ(abi->alloc(nullptr, 1, 1), nullptr);
  EXPECT_EQ(abi->is_cancelled(nullptr), 1);
  abi->complete(nullptr, DISPATCH_OK, nullptr);
  abi->reason(abi, nullptr);
  EXPECT_EQ(abi->on_cancel(nullptr, count, &notified), DISPATCH_ERR_INVALID);
  finish();
}

}  // namespace
}  // namespace dispatch::plugin
