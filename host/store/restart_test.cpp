// A database that goes away for good and comes back, as in an upgrade or a crash: a server of this test's
// own.
#include "base/problem.hpp"
#include "store/store.hpp"
#include "store/testing/test_database.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

namespace dispatch::store {
namespace {

using namespace std::chrono_literals;

class OwnServer {
 public:
  OwnServer() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dispatch-server-XXXXXX").string();
    _directory = ::mkdtemp(pattern.data());
    const std::string printed = run("start");
    const std::size_t first = printed.find('\''), last = printed.rfind('\'');
    if (first == last) throw std::runtime_error("the server did not start: " + printed);
    _connection = printed.substr(first + 1, last - first - 1);
  }
  ~OwnServer() { run("stop"); }
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;

  Options options() const {
    Options options;
    options.dialect = Dialect::postgresql;
    options.connectionString = _connection;
    return options;
  }
  void restart(const std::string& mode) { run("restart", mode); }

 private:
  std::string run(const std::string& command, const std::string& argument = "") {
    const std::string line = std::string(DISPATCH_POSTGRESQL_SCRIPT) + " " + command + " '" + _directory +
                             "' " + argument + " 2>&1";
    FILE* output = ::popen(line.c_str(), "r");
    std::string text;
    std::array<char, 512> buffer{};
    while (output && std::fgets(buffer.data(), buffer.size(), output)) text += buffer.data();
    if (!output || ::pclose(output) != 0) ADD_FAILURE() << line << ": " << text;
    return text;
  }

  std::string _directory, _connection;
};

class PostgresqlRestart : public testing::PostgresqlTest {};

TEST_F(PostgresqlRestart, CostsAtMostTheRequestsThatWereRunning) {
  OwnServer server;
  auto database = Database::open(server.options());
  upgrade(*database);
  std::atomic<int> missed{0}, heard{0};
  auto subscription = database->events().subscribe(
      [&](const Event& event) { ++(event.change == "missed" ? missed : heard); });
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> acknowledged{0};
  std::atomic<int> refused{0}, other{0};
  std::thread writer([&] {
    while (!stop) try {
        database->transact([](Session& session) {
          session.execute(
              "INSERT INTO audit (actor, action, subject, created_at) VALUES ('a', 'b', 'c', 'd')");
        });
        ++acknowledged;
      } catch (const Problem& problem) {
        ++(problem.kind() == Problem::Kind::unavailable && problem.retryAfterMs() > 0 ? refused : other);
        std::this_thread::sleep_for(10ms);
      }
  });
  {
    auto one = database->session(), two = database->session();
    one->query("SELECT 1");
    two->query("SELECT 1");
  }
  for (const char* mode : {"immediate", "fast"}) {
    const auto before = acknowledged.load();
    for (int i = 0; i < 500 && acknowledged < before + 5; ++i) std::this_thread::sleep_for(10ms);
    server.restart(mode);
    for (int i = 0; i < 4; ++i) EXPECT_NO_THROW(database->ping()) << mode;  // every idle connection was dead
  }
  const auto before = acknowledged.load();
  for (int i = 0; i < 500 && acknowledged < before + 5; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_GE(acknowledged, before + 5) << "writing did not go on";
  stop = true;
  writer.join();
  EXPECT_EQ(other, 0) << "refused otherwise than with `unavailable, try again`";
  // Durable: nothing acknowledged was lost. A commit whose answer was lost may be there or not.
  const auto kept = database->session()->one("SELECT count(*) AS n FROM audit")->integer("n");
  EXPECT_GE(kept, acknowledged);
  EXPECT_LE(kept, acknowledged + refused);
  for (int i = 0; i < 200 && missed < 2; ++i) std::this_thread::sleep_for(50ms);
  EXPECT_GE(missed, 1);
  // Events flow again, from this host and from others.
  auto otherHost = Database::open(server.options());
  for (int i = 0; i < 100 && heard < 1; ++i) {
    otherHost->session()->publish({1, "incident", 1, "updated", {}});
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_GE(heard, 1);
}

}  // namespace
}  // namespace dispatch::store
