#include "store/testing/test_database.hpp"

#include "base/random.hpp"

#include <libpq-fe.h>

#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace dispatch::store::testing {
namespace {

/// One statement on the server's maintenance database; CREATE DATABASE cannot run in a transaction.
class Maintenance {
 public:
  Maintenance() : _connection(PQconnectdb(postgresqlServer().c_str())) {
    if (PQstatus(_connection) != CONNECTION_OK) {
      const std::string reason = PQerrorMessage(_connection);
      PQfinish(_connection);
      throw std::runtime_error("DISPATCH_TEST_POSTGRESQL names a server that does not answer: " + reason);
    }
  }
  ~Maintenance() { PQfinish(_connection); }
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  /// First column of the first row, "" if there is none.
  std::string run(const std::string& sql) {
    PGresult* result = PQexec(_connection, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    const std::string reason = PQresultErrorMessage(result);
    const std::string value = status == PGRES_TUPLES_OK && PQntuples(result) ? PQgetvalue(result, 0, 0) : "";
    PQclear(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
      throw std::runtime_error(sql + ": " + reason);
    return value;
  }

 private:
  PGconn* _connection;
};

std::string forDatabase(const std::string& name) { return postgresqlServer() + " dbname=" + name; }

Options optionsFor(const std::string& name) {
  Options options;
  options.dialect = Dialect::postgresql;
  options.connectionString = forDatabase(name);
  return options;
}

void fill(Database& database, Content content) {
  if (content == Content::nothing) return;
  upgrade(database);
  if (content == Content::defaults) ensureDefaults(database);
}

/// A migrated database to copy, made once per server and schema; every test is a process of its own.
std::string templateDatabase(Content content) {
  std::string schema;
  for (const Migration& migration : migrations()) schema += migration.sql;
  const std::string name = "dispatch_template_" +
                           digestHex(schema + (content == Content::defaults ? "defaults" : "")).substr(0, 16);
  Maintenance server;
  server.run("SELECT pg_advisory_lock(711)");
  if (server.run("SELECT 1 FROM pg_database WHERE datname = '" + name + "'").empty()) {
    const std::string unfinished = name + "_" + std::to_string(::getpid());
    server.run("CREATE DATABASE " + unfinished + " TEMPLATE template0 ENCODING 'UTF8'");
    fill(*Database::open(optionsFor(unfinished)), content);
    // A connection that was just closed may linger for a moment.
    for (int attempt = 0;
         server.run("SELECT 1 FROM pg_stat_activity WHERE datname = '" + unfinished + "'") == "1" &&
         attempt < 100;
         ++attempt)
      ::usleep(10000);
    server.run("ALTER DATABASE " + unfinished + " RENAME TO " + name);
  }
  return name;
}

}  // namespace

std::string postgresqlServer() {
  const char* server = std::getenv("DISPATCH_TEST_POSTGRESQL");
  if (!server || !*server)
    throw std::runtime_error(
        "DISPATCH_TEST_POSTGRESQL is not set: eval \"$(tests/lib/postgresql.sh start DIR)\", or set "
        "DISPATCH_TEST_SQLITE_ONLY=1 to leave PostgreSQL out");
  return server;
}

std::vector<Dialect> dialects() {
  const char* only = std::getenv("DISPATCH_TEST_SQLITE_ONLY");
  if (only && std::string(only) == "1") return {Dialect::sqlite};
  return {Dialect::sqlite, Dialect::postgresql};
}

std::string nameOf(Dialect dialect) { return dialect == Dialect::sqlite ? "Sqlite" : "Postgresql"; }

TestDatabase::TestDatabase(Dialect dialect, Content content) {
  if (dialect == Dialect::sqlite) {
    std::string pattern = (std::filesystem::temp_directory_path() / "dispatch-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make a directory below " + pattern);
    _directory = pattern;
    _options.dialect = Dialect::sqlite;
    _options.path = _directory + "/dispatch.db";
    fill(**this, content);
    return;
  }
  const std::string source = content == Content::nothing ? "template0" : templateDatabase(content);
  _name = "dispatch_test_" + std::to_string(::getpid()) + "_" + toHex(randomToken(6)).substr(0, 12);
  Maintenance().run("CREATE DATABASE " + _name + " TEMPLATE " + source);
  _options = optionsFor(_name);
}

TestDatabase::~TestDatabase() {
  _database.reset();
  std::error_code ignored;
  if (!_directory.empty()) std::filesystem::remove_all(_directory, ignored);
  if (_name.empty()) return;
  try {
    Maintenance().run("DROP DATABASE IF EXISTS " + _name + " WITH (FORCE)");
  } catch (const std::exception& problem) {
    ADD_FAILURE() << problem.what();
  }
}

Database& TestDatabase::operator*() {
  if (!_database) _database = Database::open(_options);
  return *_database;
}

}  // namespace dispatch::store::testing
