// Fresh databases for tests. Name dispatch_store_testing in TEST_DEPENDS.
//
//   class Accounts : public store::testing::DatabaseTest {};
//   DISPATCH_TEST_ON_BOTH_DATABASES(Accounts);
//   TEST_P(Accounts, KeepsEmailsUnique) { db().transact(…); }
//
// PostgreSQL: DISPATCH_TEST_POSTGRESQL holds the libpq connection string of a throw-away server on which its
// user may create databases (tests/lib/postgresql.sh start DIR prints it). Without it the PostgreSQL tests
// fail, so that a forgotten variable is not taken for success; DISPATCH_TEST_SQLITE_ONLY=1 leaves them out on
// purpose.
#pragma once

#include "store/store.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace dispatch::store::testing {

enum class Content {
  nothing,   ///< no tables
  schema,    ///< migrated, no rows
  defaults,  ///< as a fresh installation: ensureDefaults()
};

/// A database of its own, gone with this object. The Database is opened on first use.
class TestDatabase {
 public:
  explicit TestDatabase(Dialect dialect, Content content = Content::defaults);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  Database& operator*();
  Database* operator->() { return &**this; }
  /// For a second Database (another host) or another process on the same data.
  const Options& options() const { return _options; }
  /// Closes the Database, as the end of the process would; the next use opens it again.
  void close() { _database.reset(); }

 private:
  Options _options;
  std::string _directory, _name;
  std::unique_ptr<Database> _database;
};

/// Both dialects, or SQLite alone with DISPATCH_TEST_SQLITE_ONLY=1.
std::vector<Dialect> dialects();
/// The throw-away server's connection string; throws with what to do if there is none.
std::string postgresqlServer();
std::string nameOf(Dialect dialect);

/// For what only PostgreSQL does: left out with DISPATCH_TEST_SQLITE_ONLY=1.
class PostgresqlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (dialects().size() == 1) GTEST_SKIP() << "left out: DISPATCH_TEST_SQLITE_ONLY=1";
  }
};

class DatabaseTest : public ::testing::TestWithParam<Dialect> {
 protected:
  explicit DatabaseTest(Content content = Content::defaults) : _content(content) {}

  void SetUp() override { _test = std::make_unique<TestDatabase>(GetParam(), _content); }
  void TearDown() override { _test.reset(); }

  Database& db() { return **_test; }
  TestDatabase& testDatabase() { return *_test; }

 private:
  Content _content;
  std::unique_ptr<TestDatabase> _test;
};

}  // namespace dispatch::store::testing

#define DISPATCH_TEST_ON_BOTH_DATABASES(Suite)                                                     \
  INSTANTIATE_TEST_SUITE_P(On, Suite, ::testing::ValuesIn(::dispatch::store::testing::dialects()), \
                           [](const ::testing::TestParamInfo<::dispatch::store::Dialect>& info) {  \
                             return ::dispatch::store::testing::nameOf(info.param);                \
                           })
