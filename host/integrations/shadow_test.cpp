#include "integrations/shadow.hpp"

#include "integrations/testing/fake_catalog.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace dispatch::integrations {

namespace {

using namespace std::chrono_literals;
using testing::answered;
using testing::refused;
using testing::within;

std::string differenceOf(const char* before, const char* now) {
  return firstDifference(Json::parse(before), Json::parse(now)).value_or("");
}

TEST(FirstDifference, NamesThePathAndNoValue) {
  EXPECT_EQ(differenceOf(R"({"a": 1, "b": [1, 2]})", R"({"b": [1, 2.0], "a": 1})"), "");
  EXPECT_EQ(differenceOf(R"({"a": {"state": "open"}})", R"({"a": {"state": "shut"}})"),
            "/a/state has another value");
  EXPECT_EQ(differenceOf(R"({"a": "7"})", R"({"a": 7})"), "/a has another type");
  EXPECT_EQ(differenceOf(R"({"a": 1, "b": 2})", R"({"b": 2})"), "/a is missing");
  EXPECT_EQ(differenceOf(R"({"b": 2})", R"({"a/c": 1, "b": 2})"), "/a~1c is new");
  EXPECT_EQ(differenceOf(R"({"l": [{"n": 1}, {"n": 2}]})", R"({"l": [{"n": 1}, {"n": 3}]})"),
            "/l/1/n has another value");
  EXPECT_EQ(differenceOf("[1, 2]", "[1]"), "/1 is missing");
  EXPECT_EQ(differenceOf("[1]", "[1, 2]"), "/1 is new");
  EXPECT_EQ(differenceOf("\"a\"", "\"b\""), "the answer as a whole has another value");
}

TEST(FirstDifference, IsCutBetweenTwoCharactersWhereThePathIsLong) {
  std::string key;  // the cut falls into the middle of an é
  for (int i = 0; i < 300; ++i) key += "é";
  Json before = Json::object(), now = Json::object();
  before[key] = 1;
  now[key] = 2;
  const auto said = firstDifference(before, now).value_or("");
  EXPECT_NE(said.find("… has another value"), std::string::npos) << said;
  EXPECT_LT(said.size(), 250u);
  EXPECT_NO_THROW(static_cast<void>(Json(said).dump())) << "it is no UTF-8 any more";
}

/// Something that calls wait for, until the test opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(_mutex);
    _open = true;
    _opened.notify_all();
  }
  void pass() {
    std::unique_lock lock(_mutex);
    ++_arrived;
    _opened.wait(lock, [this] { return _open; });
  }
  int arrived() {
    const std::lock_guard lock(_mutex);
    return _arrived;
  }

 private:
  std::mutex _mutex;
  std::condition_variable _opened;
  bool _open = false;
  int _arrived = 0;
};

struct ShadowTest : ::testing::Test {
  std::atomic<bool> mayRepeat{true};
  std::atomic<int> repeated{0};
  Shadow shadow{[this] { return mayRepeat.load(); }, [this](const plugin::Outcome&) { ++repeated; }};

  void add(const plugin::JsonOutcome& answer,
           std::function<plugin::JsonOutcome(const Shadow::Cancel&)> again) {
    shadow.add([&] { return Shadow::Call{"get", answer, again}; });
  }
  /// Of one call more, compared with what it is answered again.
  Shadow::Counts after(const plugin::JsonOutcome& answer, const plugin::JsonOutcome& again) {
    const int before = repeated;
    add(answer, [again](const Shadow::Cancel&) { return again; });
    EXPECT_TRUE(within(10s, [&] { return repeated == before + 1; }));
    return shadow.counts();
  }
};

TEST_F(ShadowTest, CountsWhatItComparedAndWhatDiffered) {
  auto counts = after(answered({{"state", "open"}}), answered({{"state", "open"}}));
  EXPECT_EQ(counts.compared, 1u);
  EXPECT_EQ(counts.differing, 0u);
  counts = after(answered({{"state", "open"}}), answered({{"state", "shut"}}));
  EXPECT_EQ(counts.compared, 2u);
  EXPECT_EQ(counts.differing, 1u);
  EXPECT_EQ(counts.lastDifference, "get: /state has another value");
}

TEST_F(ShadowTest, ARefusalIsAnAnswerAndAFailureIsNone) {
  auto counts = after(answered({}), refused(DISPATCH_ERR_NOT_FOUND));
  EXPECT_EQ(counts.lastDifference, "get: it is refused, and was answered before");
  counts = after(refused(DISPATCH_ERR_NOT_FOUND), answered({}));
  EXPECT_EQ(counts.lastDifference, "get: it is answered, and was refused before");
  counts = after(refused(DISPATCH_ERR_NOT_FOUND), refused(DISPATCH_ERR_NOT_FOUND, "in other words"));
  EXPECT_EQ(counts.compared, 3u);
  EXPECT_EQ(counts.differing, 2u);
  counts = after(answered({}), refused(DISPATCH_ERR_UNAVAILABLE));
  EXPECT_EQ(counts.compared, 3u);
  EXPECT_EQ(repeated, 4);
}

TEST_F(ShadowTest, DropsAndCountsWhatItCannotKeepUpWith) {
  Gate gate;
  const auto blocked = [&](const Shadow::Cancel&) {
    gate.pass();
    return answered({});
  };
  add(answered({}), blocked);
  ASSERT_TRUE(within(10s, [&] { return gate.arrived() == 1; }));
  for (std::size_t i = 0; i < Shadow::longestQueue; ++i) add(answered({}), blocked);
  EXPECT_EQ(shadow.counts().dropped, 0u);
  int copied = 0;
  for (int i = 0; i < 3; ++i)
    shadow.add([&] {
      ++copied;
      return Shadow::Call{"get", answered({}), blocked};
    });
  EXPECT_EQ(shadow.counts().dropped, 3u);
  EXPECT_EQ(copied, 0) << "what is dropped was copied first";
  gate.open();
  EXPECT_TRUE(within(10s, [&] { return shadow.counts().compared == Shadow::longestQueue + 1; }));
}

TEST_F(ShadowTest, DropsWhatMayNotBeRepeatedNow) {
  mayRepeat = false;
  add(answered({}), [](const Shadow::Cancel&) { return answered({}); });
  EXPECT_TRUE(within(10s, [&] { return shadow.counts().dropped == 1; }));
  EXPECT_EQ(repeated, 0);
}

TEST_F(ShadowTest, CountsNothingOnceItIsClosedAndCancelsWhatIsUnderWay) {
  std::atomic<bool> under{false};
  add(answered({}), [&](const Shadow::Cancel& cancel) {
    under = true;
    while (!cancel->cancelled()) std::this_thread::sleep_for(1ms);
    return refused(DISPATCH_ERR_UNAVAILABLE);
  });
  add(answered({}), [](const Shadow::Cancel&) { return answered({}); });
  ASSERT_TRUE(within(10s, [&] { return under.load(); }));
  shadow.stop();
  add(answered({}), [](const Shadow::Cancel&) { return answered({}); });
  EXPECT_EQ(repeated, 0);
  EXPECT_EQ(shadow.counts().compared, 0u);
  EXPECT_EQ(shadow.counts().dropped, 0u);
}

}  // namespace

}  // namespace dispatch::integrations
