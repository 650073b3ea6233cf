// What of tests/abi/corpus can be loaded and misbehaves then: a sentence in both homes; a death is a failed
// call in a worker, and in the host's process known to the next start.
#include "plugin/package/library_rules.hpp"
#include "plugin/testing/corpus.hpp"

#include <gmock/gmock.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace dispatch::plugin {
namespace {

using testing::CallFailure;
using testing::corpusId;
using testing::Death;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CorpusCall : public testing::CorpusTest,
                   public ::testing::WithParamInterface<std::tuple<CallFailure, const char*>> {};

TEST_P(CorpusCall, EndsWithItsSentenceAndTheOthersServe) {
  const auto& [failure, home] = GetParam();
  const testing::LogCapture log;
  install(testing::corpusPackage(failure.name));
  open(home);
  const std::string expected = std::string_view(home) == "worker" ? failure.worker : failure.process;
  const auto ending = ask(failure.name);
  EXPECT_EQ(ending.step, expected.empty() ? "" : failure.step) << ending.sentence;
  EXPECT_THAT(ending.sentence, HasSubstr(expected));
  const std::string logged = failure.logged;
  for (int i = 0; !logged.empty() && i < 200 && log.count(logged) == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_THAT(log.text(), HasSubstr(logged));
  const auto sound = ask("sound");
  EXPECT_EQ(sound.step, "") << sound.sentence;
}

INSTANTIATE_TEST_SUITE_P(Corpus, CorpusCall,
                         ::testing::Combine(::testing::ValuesIn(testing::callFailures()),
                                            ::testing::Values("process", "worker")),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + '_' + std::get<1>(info.param);
                         });

class CorpusDeath : public testing::CorpusTest, public ::testing::WithParamInterface<Death> {
 protected:
  void SetUp() override {
    if (!hostSanitizer().empty() && !GetParam().sanitized)
      GTEST_SKIP() << "A sanitizer reports this before it is a death. Every other build shows it.";
    install(testing::corpusPackage(GetParam().name));
  }
};

TEST_P(CorpusDeath, InAWorkerIsAFailureThatSaysHowAndTheOthersServe) {
  const auto& death = GetParam();
  const testing::LogCapture log;
  open("worker");
  const auto ending = ask(death.name);
  EXPECT_THAT(ending.sentence, HasSubstr(death.worker));
  const auto sound = ask("sound");
  EXPECT_EQ(sound.step, "") << sound.sentence;
  const auto record =
      Json::parse(testing::readFile(directory / "crash/worker-" + corpusId(death.name) + ".json"));
  EXPECT_EQ(record["plugin"], corpusId(death.name));
  EXPECT_THAT(record["how"].get<std::string>(), HasSubstr(death.worker));
}

TEST_P(CorpusDeath, InTheProcessIsKnownToTheNextStartWhichCanLeaveItOut) {
  if (!hostSanitizer().empty()) GTEST_SKIP() << "A sanitizer's own report takes the signal.";
  const auto& death = GetParam();
  options.workerProgram = "";
  const int end = testing::endOfChild([&] {
    ::alarm(3);  // what ends an operator's patience with one that spins
    const rlimit memory{std::uint64_t{1} << 30, std::uint64_t{1} << 30};
    ::setrlimit(RLIMIT_DATA, &memory);
    open("process");
    ask(death.name);
  });
  EXPECT_FALSE(WIFEXITED(end) && WEXITSTATUS(end) == 0) << "it lives";
  EXPECT_FALSE(WIFEXITED(end) && WEXITSTATUS(end) == 99) << "it never came to the call";
  const auto crashes = CrashHistory(options.crashDirectory).take();
  ASSERT_EQ(crashes.size(), 1u);
  const auto* crash = &crashes.front();
  EXPECT_EQ(crash->signal, death.signal);
  ASSERT_EQ(crash->calls.size(), 1u);
  EXPECT_EQ(crash->calls[0].plugin, corpusId(death.name));
  EXPECT_EQ(crash->calls[0].method, death.method);
  if (death.signal == 0) return;  // an end that anybody may have made: the call is named, nobody is accused
  EXPECT_THAT(crash->suspects(), ElementsAre(corpusId(death.name)));
  options.skip = crash->suspects();
  open("process");
  EXPECT_THAT(ask(death.name).sentence, HasSubstr("safe mode"));
  const auto sound = ask("sound");
  EXPECT_EQ(sound.step, "") << sound.sentence;
}

INSTANTIATE_TEST_SUITE_P(Corpus, CorpusDeath, ::testing::ValuesIn(testing::deaths()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace dispatch::plugin
