#include "store/postgresql_connection.hpp"

#include "base/problem.hpp"
#include "store/sql_text.hpp"
#include "store/statement_cache.hpp"

#include <Poco/Logger.h>

#include <libpq-fe.h>

#include <poll.h>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>

namespace dispatch::store {
namespace {

// OIDs of the built-in types (pg_type.dat); they never change.
constexpr Oid kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kOid = 26, kFloat4 = 700, kFloat8 = 701,
              kNumeric = 1700;

constexpr const char* kSettings =
    "SET synchronous_commit = on; SET statement_timeout = '30s'; SET lock_timeout = '15s';"
    "SET idle_in_transaction_session_timeout = '120s'; SET TimeZone = 'UTC'; SET standard_conforming_strings "
    "= on;"
    "SET default_transaction_isolation = 'read committed'; SET client_min_messages = warning";

struct Clearer {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clearer>;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

Value toValue(const char* text, std::size_t size, Oid type) {
  const char* const end = text + size;
  switch (type) {
    case kBool:
      return size == 1 && *text == 't';
    case kInt2:
    case kInt4:
    case kInt8:
    case kOid: {
      std::int64_t number = 0;
      std::from_chars(text, end, number);
      return number;
    }
    case kNumeric: {  // what sum() makes of BIGINT
      std::int64_t number = 0;
      const auto [stopped, error] = std::from_chars(text, end, number);
      if (error == std::errc{} && stopped == end) return number;
      [[fallthrough]];
    }
    case kFloat4:
    case kFloat8: {
      double number = 0;
      std::from_chars(text, end, number);
      return number;
    }
    default:
      return std::string(text, size);
  }
}

/// Parameters in libpq's form: text, NULL as nullptr.
class Bound {
 public:
  explicit Bound(const Values& parameters) {
    _numbers.reserve(parameters.size());  // its texts must not move
    _texts.reserve(parameters.size());
    for (const Value& value : parameters) {
      if (const auto* text = std::get_if<std::string>(&value))
        _texts.push_back(text->c_str());
      else if (const auto* boolean = std::get_if<bool>(&value))
        _texts.push_back(*boolean ? "t" : "f");
      else if (const auto* integer = std::get_if<std::int64_t>(&value))
        number(*integer);
      else if (const auto* real = std::get_if<double>(&value))
        number(*real);
      else
        _texts.push_back(nullptr);
    }
  }
  int size() const { return static_cast<int>(_texts.size()); }
  const char* const* texts() const { return _texts.data(); }

 private:
  template <class Number>
  void number(Number value) {
    char buffer[40];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
    _numbers.emplace_back(buffer, end);
    _texts.push_back(_numbers.back().c_str());
  }

  std::vector<std::string> _numbers;
  std::vector<const char*> _texts;
};

/// A prepared statement of the server, given back when it is forgotten.
struct Statement {
  std::string name;
  int parameters = 0;
  PGconn* connection = nullptr;
  std::shared_ptr<const std::vector<std::string>> names;
  std::vector<Oid> types;

  Statement() = default;
  Statement(Statement&& other) noexcept { *this = std::move(other); }
  Statement& operator=(Statement&& other) noexcept {
    name = std::move(other.name);
    parameters = other.parameters;
    connection = std::exchange(other.connection, nullptr);
    names = std::move(other.names);
    types = std::move(other.types);
    return *this;
  }
  ~Statement() {
    // In a failed transaction the server refuses this; the statement then lives as long as its connection.
    if (connection && PQstatus(connection) == CONNECTION_OK)
      PQclear(PQexec(connection, ("DEALLOCATE " + name).c_str()));
  }
};

class PostgresqlConnection final : public Connection {
 public:
  explicit PostgresqlConnection(const std::string& connectionString)
      : _held(PQconnectdb(connectionString.c_str())), _native(_held.get()) {
    if (PQstatus(_native) != CONNECTION_OK)
      throw Problem(Problem::Kind::unavailable,
                    "cannot connect to PostgreSQL: " + trimmed(PQerrorMessage(_native)) +
                        ". Check that it runs and the DATABASE_* settings")
          .withType("database")
          .withRetryAfter(2000);
    logNotices(_native);
    if (PQserverVersion(_native) < 120000)
      throw Problem(Problem::Kind::invalid, "PostgreSQL server: expected version 12 or later, found " +
                                                std::to_string(PQserverVersion(_native) / 10000) +
                                                "; upgrade it");
    const char* encoding = PQparameterStatus(_native, "server_encoding");
    if (!encoding || std::strcmp(encoding, "UTF8") != 0)
      throw Problem(Problem::Kind::invalid,
                    "PostgreSQL database: expected encoding UTF8, found " +
                        std::string(encoding ? encoding : "none") +
                        "; create it with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0");
    if (PQsetClientEncoding(_native, "UTF8") != 0) fail(nullptr, "SET client_encoding");
    script(kSettings);
  }

  ~PostgresqlConnection() override {
    // Closing the connection ends its statements; no need for a round trip each.
    _statements.forEach([](Statement& statement) { statement.connection = nullptr; });
  }

  Rows query(std::string_view sql, const Values& parameters) override {
    const auto [result, statement] = run(sql, parameters);
    const int rows = PQntuples(result.get());
    Rows answer;
    answer.reserve(static_cast<std::size_t>(rows));
    const auto columns = static_cast<int>(statement->types.size());
    for (int row = 0; row < rows; ++row) {
      Values values;
      values.reserve(statement->types.size());
      for (int column = 0; column < columns; ++column) {
        if (PQgetisnull(result.get(), row, column))
          values.emplace_back();
        else
          values.push_back(toValue(PQgetvalue(result.get(), row, column),
                                   static_cast<std::size_t>(PQgetlength(result.get(), row, column)),
                                   statement->types[static_cast<std::size_t>(column)]));
      }
      answer.emplace_back(statement->names, std::move(values));
    }
    return answer;
  }

  std::int64_t execute(std::string_view sql, const Values& parameters) override {
    const auto [result, statement] = run(sql, parameters);
    const char* tuples = PQcmdTuples(result.get());
    std::int64_t changed = 0;
    std::from_chars(tuples, tuples + std::strlen(tuples), changed);
    return PQresultStatus(result.get()) == PGRES_TUPLES_OK &&
                   std::strncmp(PQcmdStatus(result.get()), "SELECT", 6) == 0
               ? 0
               : changed;
  }

  void script(std::string_view sql) override {
    for (const std::string& statement : splitStatements(sql)) simple(statement.c_str());
  }

  void begin() override {
    _worthRetrying = false;
    simple("BEGIN");
    _inTransaction = true;
  }

  void commit() override {
    const Result result(PQexec(_native, "COMMIT"));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
      if (PQstatus(_native) != CONNECTION_OK)
        throw Problem(Problem::Kind::unavailable,
                      "the connection to PostgreSQL was lost while committing: look whether the change is "
                      "there before repeating it")
            .withType("unknown_outcome")
            .withRetryAfter(2000);
      fail(result.get(), "COMMIT");
    }
    _inTransaction = false;
    // A transaction in which an error was swallowed "commits" by rolling back.
    if (std::strcmp(PQcmdStatus(result.get()), "COMMIT") != 0)
      throw Problem(Problem::Kind::internal,
                    "a transaction went on after an error and was rolled back by PostgreSQL: run what may "
                    "fail in nested()");
  }

  void rollback() noexcept override {
    if (!_inTransaction) return;
    _inTransaction = false;
    PQclear(PQexec(_native, "ROLLBACK"));
    // A statement whose result type changed is prepared anew when the transaction is run again.
    if (_staleStatements) {
      try {
        _statements.clear();
      } catch (...) {
        _broken = true;
      }
      _staleStatements = false;
    }
  }

  bool inTransaction() const override { return _inTransaction; }
  bool worthRetrying() const override { return _worthRetrying; }

  bool usable() noexcept override {
    if (_broken || _inTransaction || PQstatus(_native) != CONNECTION_OK ||
        PQtransactionStatus(_native) != PQTRANS_IDLE)
      return false;
    // Nothing is owed to an idle connection: whatever can be read is the server's farewell.
    pollfd waiting{PQsocket(_native), POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 0;
  }

 private:
  void simple(const char* sql) {
    const Result result(PQexec(_native, sql));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(result.get(), sql);
  }

  Statement& prepare(std::string_view sql) {
    if (Statement* known = _statements.find(sql)) return *known;
    Statement statement;
    statement.name = "d" + std::to_string(++_prepared);
    const Result result(
        PQprepare(_native, statement.name.c_str(), numberPlaceholders(sql).c_str(), 0, nullptr));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(result.get(), sql);
    statement.connection = _native;
    return _statements.add(std::string(sql), std::move(statement));
  }

  std::pair<Result, Statement*> run(std::string_view sql, const Values& parameters) {
    checkParameters(parameters);
    const Bound bound(parameters);
    for (int attempt = 0;; ++attempt) {
      Statement& statement = prepare(sql);
      Result result(
          PQexecPrepared(_native, statement.name.c_str(), bound.size(), bound.texts(), nullptr, nullptr, 0));
      const ExecStatusType status = PQresultStatus(result.get());
      if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        describe(statement, result.get());
        return {std::move(result), &statement};
      }
      // "cached plan must not change result type": a migration changed the table since this was prepared.
      const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      if (state && std::strcmp(state, "0A000") == 0 && attempt == 0 && !_inTransaction) {
        _statements.remove(sql);
        continue;
      }
      fail(result.get(), sql);
    }
  }

  static void describe(Statement& statement, const PGresult* result) {
    const int columns = PQnfields(result);
    if (statement.names && statement.types.size() == static_cast<std::size_t>(columns)) return;
    std::vector<std::string> names;
    statement.types.clear();
    for (int i = 0; i < columns; ++i) {
      names.emplace_back(PQfname(result, i));
      statement.types.push_back(PQftype(result, i));
    }
    statement.names = std::make_shared<const std::vector<std::string>>(std::move(names));
  }

  [[noreturn]] void fail(const PGresult* result, std::string_view sql) {
    const auto field = [result](int code) {
      const char* text = result ? PQresultErrorField(result, code) : nullptr;
      return std::string(text ? text : "");
    };
    const std::string state = field(PG_DIAG_SQLSTATE);
    const std::string message = trimmed(result ? PQresultErrorMessage(result) : PQerrorMessage(_native));
    if (PQstatus(_native) != CONNECTION_OK || state.starts_with("08") || state.starts_with("57P")) {
      _broken = true;
      throw Problem(Problem::Kind::unavailable,
                    "the connection to PostgreSQL was lost (" + message + "); try again")
          .withType("database")
          .withRetryAfter(2000);
    }
    if (state == "23505")
      throw Problem(Problem::Kind::conflict,
                    "this would be there twice: " + field(PG_DIAG_CONSTRAINT_NAME) + " must be unique")
          .withType("unique:" + field(PG_DIAG_CONSTRAINT_NAME));
    if (state == "23503")
      throw Problem(Problem::Kind::conflict,
                    "this refers to something that does not exist, or something still refers to it")
          .withType("foreign_key");
    if (state == "40001" || state == "40P01" || (state == "0A000" && _inTransaction)) {
      _worthRetrying = true;
      _staleStatements = state == "0A000";
      throw Problem(Problem::Kind::unavailable, "another change got in the way; try again")
          .withType("serialization")
          .withRetryAfter(100);
    }
    if (state == "57014" || state == "55P03")
      throw Problem(Problem::Kind::unavailable, "the database took too long over this; try again")
          .withRetryAfter(5000);
    if (state.starts_with("53"))
      throw Problem(Problem::Kind::unavailable, "PostgreSQL is out of resources (" + message + ")")
          .withType("database")
          .withRetryAfter(5000);
    if (state.starts_with("22"))
      throw Problem(Problem::Kind::invalid,
                    "the database cannot take this value: " + field(PG_DIAG_MESSAGE_PRIMARY));
    throw Problem(Problem::Kind::internal,
                  "PostgreSQL: " + message + " (" + state + ") in: " + std::string(sql));
  }

  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  // libpq's own and not Poco's: its handle forgets a connection that could not be made (35 kB each while the
  // server is down), and its Session splits the connection string at every space, quoted or not.
  std::unique_ptr<PGconn, Finish> _held;
  PGconn* _native;
  StatementCache<Statement> _statements{kStatementsPerConnection};
  std::uint64_t _prepared = 0;
  bool _inTransaction = false, _worthRetrying = false, _staleStatements = false, _broken = false;
};

std::string quotedKeyword(const std::string& value) {
  std::string quotedText = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quotedText += '\\';
    quotedText += c;
  }
  return quotedText + "'";
}

}  // namespace

std::string completeConnectionString(const std::string& given) {
  char* reason = nullptr;
  PQconninfoOption* options = PQconninfoParse(given.c_str(), &reason);
  if (!options) {
    PQfreemem(reason);
    throw Problem(Problem::Kind::invalid,
                  "the PostgreSQL connection string: expected keywords such as host=… dbname=… user=… "
                  "(quoted with ' where they "
                  "hold spaces), found something else; correct the DATABASE_* settings");
  }
  std::map<std::string, std::string> keywords{
      {"application_name", "dispatch"}, {"connect_timeout", "5"},  {"keepalives_idle", "30"},
      {"keepalives_interval", "10"},    {"keepalives_count", "3"}, {"tcp_user_timeout", "30000"}};
  for (const PQconninfoOption* option = options; option->keyword; ++option)
    if (option->val) keywords[option->keyword] = option->val;
  PQconninfoFree(options);
  std::string complete;
  for (const auto& [name, value] : keywords)
    complete += (complete.empty() ? "" : " ") + name + "=" + quotedKeyword(value);
  return complete;
}

void logNotices(pg_conn* connection) {
  PQsetNoticeProcessor(
      connection,
      [](void*, const char* message) {
        Poco::Logger::get("dispatch.store").information("PostgreSQL: " + trimmed(message));
      },
      nullptr);
}

std::unique_ptr<Connection> openPostgresql(const std::string& complete) {
  return std::make_unique<PostgresqlConnection>(complete);
}

}  // namespace dispatch::store
