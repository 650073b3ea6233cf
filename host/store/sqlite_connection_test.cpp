#include "store/sqlite_connection.hpp"

#include "base/problem.hpp"
#include "store/sql_text.hpp"
#include "store/statement_cache.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace dispatch::store {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(WriteGate, LetsOneInAtATimeAndNobodyIsForgotten) {
  WriteGate gate;
  std::atomic<int> inside{0}, entered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        gate.enter(60s);
        EXPECT_EQ(++inside, 1);
        ++entered;
        --inside;
        gate.leave();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(entered, 400);
}

TEST(WriteGate, GoesOnPastWhoGaveUp) {
  WriteGate gate;
  gate.enter(1s);
  for (int i = 0; i < 3; ++i)
    EXPECT_THROW(std::async(std::launch::async, [&] { gate.enter(10ms); }).get(), Problem);
  auto patient = std::async(std::launch::async, [&] {
    gate.enter(10s);
    gate.leave();
  });
  std::this_thread::sleep_for(20ms);
  EXPECT_THROW(std::async(std::launch::async, [&] { gate.enter(10ms); }).get(), Problem);
  gate.leave();
  EXPECT_NO_THROW(patient.get());
  EXPECT_NO_THROW(gate.enter(1s));
  EXPECT_THROW(gate.enter(1s), std::logic_error);  // the same thread would wait for itself
  gate.leave();
}

/// Whether another process could have the file for itself: what it asks before it takes a log for its own.
bool isLocked(const std::string& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = 0x40000002;  // SQLite's SHARED_FIRST and SHARED_SIZE
    range.l_len = 510;
    ::_exit(descriptor >= 0 && ::fcntl(descriptor, F_GETLK, &range) == 0 && range.l_type != F_UNLCK ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

TEST(SqliteConnection, KeepsItsLocksWhenMoreAreOpenedAndClosed) {
  char directory[] = "/tmp/dispatch-locks-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const std::string path = std::string(directory) + "/test.db";
  const auto gate = std::make_shared<WriteGate>();
  {
    const auto first = openSqlite(path, gate, 1s);
    first->script("CREATE TABLE one (id INTEGER)");
    EXPECT_TRUE(isLocked(path));
    for (int i = 0; i < 3; ++i) openSqlite(path, gate, 1s)->query("SELECT id FROM one", {});
    EXPECT_TRUE(isLocked(path)) << "another program would remove the log under this one";
  }
  EXPECT_FALSE(isLocked(path));
  std::filesystem::remove_all(directory);
}

TEST(SqlText, NumbersTheMarksOutsideOfQuotesAndComments) {
  EXPECT_EQ(numberPlaceholders("SELECT ?, '?', \"?\", 'it''s ?' -- ?\n, ? /* ? */ + ?"),
            "SELECT $1, '?', \"?\", 'it''s ?' -- ?\n, $2 /* ? */ + $3");
  EXPECT_EQ(numberPlaceholders("'unterminated ?"), "'unterminated ?");
}

TEST(SqlText, CutsAScriptIntoStatements) {
  EXPECT_THAT(splitStatements("-- a; b\nSELECT ';' ;; /* ; */ SELECT 2;\n"),
              ElementsAre("SELECT ';'", "SELECT 2"));
  EXPECT_THAT(splitStatements(" \n-- nothing"), IsEmpty());
}

TEST(SqlText, NamesOnlyWhatTheProgramCouldHaveNamed) {
  EXPECT_EQ(quotedName("order"), "\"order\"");
  for (const char* bad : {"", "a b", "a\"", "A", "ä"}) EXPECT_THROW(quotedName(bad), std::logic_error) << bad;
}

TEST(StatementCache, ForgetsWhatWasUsedLongestAgo) {
  StatementCache<std::unique_ptr<int>> cache(2);
  cache.add("a", std::make_unique<int>(1));
  cache.add("b", std::make_unique<int>(2));
  ASSERT_NE(cache.find("a"), nullptr);
  cache.add("c", std::make_unique<int>(3));
  EXPECT_EQ(cache.find("b"), nullptr);
  EXPECT_EQ(**cache.find("a"), 1);
  cache.remove("a");
  EXPECT_EQ(cache.find("a"), nullptr);
  EXPECT_EQ(cache.size(), 1U);
}

}  // namespace
}  // namespace dispatch::store
