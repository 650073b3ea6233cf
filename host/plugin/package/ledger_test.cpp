#include "plugin/package/ledger.hpp"

#include "base/problem.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

namespace dispatch::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LedgerTest : public ::testing::Test {
 protected:
  testing::TemporaryDirectory directory;
  std::string path = directory / "plugins/ledger.json";
};

TEST_F(LedgerTest, RemembersAcrossRestarts) {
  {
    Ledger ledger(path);
    ledger.served("tiny", "1.0.0");
    ledger.served("tiny", "1.2.0");
    ledger.served("tiny", "1.1.0");
    ledger.pin("tiny", "1.1.0", "me");
    ledger.quarantine(std::string(64, 'a'), "crashed");
    ledger.quarantine(std::string(64, 'a'), "crashed again");
  }
  const Ledger ledger(path);
  EXPECT_EQ(ledger.highestServed("tiny"), "1.2.0");
  ASSERT_TRUE(ledger.pinned("tiny"));
  EXPECT_EQ(ledger.pinned("tiny")->version, "1.1.0");
  EXPECT_EQ(ledger.pinned("tiny")->by, "me");
  EXPECT_EQ(ledger.pinned("tiny")->downgradeFrom, "1.2.0");
  ASSERT_TRUE(ledger.quarantined(std::string(64, 'a')));
  EXPECT_EQ(ledger.quarantined(std::string(64, 'a'))->crashes, 2);
  EXPECT_EQ(ledger.quarantined(std::string(64, 'a'))->reason, "crashed again");
  EXPECT_FALSE(ledger.quarantined(std::string(64, 'b')));
}

TEST_F(LedgerTest, NothingIsMadeBeforeTheFirstChange) {
  const Ledger ledger(path);
  EXPECT_EQ(ledger.highestServed("tiny"), "");
  EXPECT_FALSE(std::filesystem::exists(directory / "plugins"));
}

TEST_F(LedgerTest, OnlyAPinAllowsALowerVersionAndItIsWrittenToTheLog) {
  const testing::LogCapture log;
  Ledger ledger(path);
  EXPECT_TRUE(ledger.allows("tiny", "0.1.0"));
  ledger.served("tiny", "1.0.0");
  EXPECT_TRUE(ledger.allows("tiny", "1.0.0"));
  EXPECT_TRUE(ledger.allows("tiny", "1.0.1"));
  EXPECT_FALSE(ledger.allows("tiny", "1.0.0-rc.1"));
  ledger.pin("tiny", "0.9.0", "command line (ada)");
  EXPECT_TRUE(ledger.allows("tiny", "0.9.0"));
  EXPECT_FALSE(ledger.allows("tiny", "0.9.1"));
  EXPECT_TRUE(ledger.unpin("tiny", "command line (ada)"));
  EXPECT_FALSE(ledger.unpin("tiny", "command line (ada)"));
  EXPECT_FALSE(ledger.allows("tiny", "0.9.0"));
  EXPECT_THAT(log.text(),
              AllOf(HasSubstr("pinned to version 0.9.0 by command line (ada): a downgrade from 1.0.0"),
                    HasSubstr("no longer pinned")));
}

TEST_F(LedgerTest, ADamagedOneIsPutAsideReportedAndNotFatal) {
  for (const char* damage :
       {"{\"format\": 1, \"served\": {\"tiny\"", "[]", "{\"format\": 2}", "\xff\xfe", "",
        "{\"format\": 1, \"pins\": {\"tiny\": {}}}", "{\"format\": 1, \"served\": {\"tiny\": 3}}"}) {
    std::filesystem::remove_all(directory / "plugins");
    testing::writeFile(path, damage);
    const testing::LogCapture log;
    Ledger ledger(path);
    EXPECT_EQ(ledger.highestServed("tiny"), "");
    EXPECT_EQ(log.count("is damaged"), 1u) << damage;
    ledger.served("tiny", "1.0.0");
    EXPECT_EQ(Ledger(path).highestServed("tiny"), "1.0.0");
    int kept = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory / "plugins"))
      if (file.path().filename().string().starts_with("ledger.json.damaged-")) {
        EXPECT_EQ(testing::readFile(file.path()), damage);
        ++kept;
      }
    EXPECT_EQ(kept, 1) << damage;
  }
}

TEST_F(LedgerTest, WhatAnotherProcessWroteIsSeenAndNotLost) {
  Ledger server(path), command(path);
  server.served("tiny", "2.0.0");
  command.pin("tiny", "1.0.0", "me");
  EXPECT_TRUE(server.allows("tiny", "1.0.0"));
  server.served("probe", "3.0.0");
  EXPECT_EQ(command.highestServed("probe"), "3.0.0");
  EXPECT_TRUE(Ledger(path).pinned("tiny"));
}

TEST_F(LedgerTest, ProcessesThatWriteAtOnceLoseNothing) {
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child) {
    const auto pid = ::fork();
    if (pid == 0) {
      Ledger ledger(path);
      for (int i = 0; i < 20; ++i)
        ledger.served("p" + std::to_string(child) + "-" + std::to_string(i), "1.0.0");
      ::_exit(0);
    }
    children.push_back(pid);
  }
  for (const auto pid : children) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const Ledger ledger(path);
  for (int child = 0; child < 4; ++child)
    for (int i = 0; i < 20; ++i)
      EXPECT_EQ(ledger.highestServed("p" + std::to_string(child) + "-" + std::to_string(i)), "1.0.0");
}

TEST_F(LedgerTest, AKillAtAnyMomentLeavesItWhole) {
  for (int round = 0; round < 20; ++round) {
    const auto pid = ::fork();
    if (pid == 0) {
      Ledger ledger(path);
      for (int i = 0;; ++i)
        ledger.served("p" + std::to_string(i % 50), std::to_string(round * 1000 + i) + ".0.0");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5 + round));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    const testing::LogCapture log;
    const Ledger ledger(path);
    EXPECT_EQ(log.text(), "");
  }
}

TEST_F(LedgerTest, OneThatCannotBeWrittenIsAWarningAndRememberedMeanwhile) {
  const testing::LogCapture log;
  testing::writeFile(directory / "plugins", "a file stands where the directory should be");
  Ledger ledger(path);
  ledger.served("tiny", "1.0.0");
  ledger.served("tiny", "1.1.0");
  ledger.quarantine(std::string(64, 'a'), "crashed");
  EXPECT_EQ(ledger.highestServed("tiny"), "1.1.0");
  EXPECT_TRUE(ledger.quarantined(std::string(64, 'a')));
  EXPECT_EQ(log.count("is not kept"), 1u);
  EXPECT_THROW(ledger.pin("tiny", "1.0.0", "me"), Problem);
}

TEST_F(LedgerTest, ItIsForTheServerAlone) {
  Ledger ledger(path);
  ledger.served("tiny", "1.0.0");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

}  // namespace
}  // namespace dispatch::plugin
