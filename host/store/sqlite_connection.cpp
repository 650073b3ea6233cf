#include "store/sqlite_connection.hpp"

#include "base/problem.hpp"
#include "base/utf8.hpp"
#include "store/sql_text.hpp"
#include "store/statement_cache.hpp"

#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/SQLite/Utility.h>
#include <Poco/Data/Session.h>
#include <Poco/UTF8String.h>

#include <sqlite3.h>

#include <fcntl.h>
#include <strings.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace dispatch::store {
namespace {

constexpr int kBusyTimeoutMs = 10000;  // another process (a CLI, the sqlite3 shell) holding the file

[[noreturn]] void refuseFile(const std::string& path, const std::string& found) {
  throw Problem(Problem::Kind::unavailable,
                "database file " + path +
                    ": expected an SQLite database this process may read and write, found: " + found +
                    ". Set DISPATCH_DATA_DIR to a directory that " +
                    "belongs to the user running dispatch, or correct its owner and permissions.")
      .withType("database");
}

/// Makes the file with mode 0600 before SQLite would with the umask's: it holds password hashes. SQLite gives
/// its -wal and -shm files the same mode. A file that is there is not opened: closing it again would take
/// away the locks of every connection of this process (fcntl(2): any descriptor of the file), and the next
/// program that looks into the database would take its log for its own and remove it.
void prepareFile(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::error_code ignored;
  if (!directory.empty() && !std::filesystem::is_directory(directory, ignored))
    refuseFile(path, "there is no directory " + directory.string());
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0)
    ::close(descriptor);
  else if (errno == EEXIST && std::filesystem::is_directory(path, ignored))
    refuseFile(path, std::strerror(EISDIR));
  else if (errno != EEXIST || ::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
    refuseFile(path, std::strerror(errno));
  if (!directory.empty() && ::access(directory.c_str(), W_OK) != 0)
    refuseFile(path, "its directory is not writable (SQLite keeps its log beside the file)");
}

std::string loweredText(std::string text) {
  const bool ascii =
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (!ascii) return isUtf8(text) ? Poco::UTF8::toLower(text) : text;
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

/// SQLite's lower() knows only ASCII; searches must not.
void lowerText(sqlite3_context* context, int, sqlite3_value** arguments) {
  if (sqlite3_value_type(arguments[0]) == SQLITE_NULL) return sqlite3_result_null(context);
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(arguments[0]));
  if (!text) return sqlite3_result_error_nomem(context);
  try {
    const std::string lowered =
        loweredText(std::string(text, static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]))));
    sqlite3_result_text(context, lowered.data(), static_cast<int>(lowered.size()), SQLITE_TRANSIENT);
  } catch (const std::exception& problem) {
    sqlite3_result_error(context, problem.what(), -1);
  }
}

bool isWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// Whether a word of the first argument begins with the second, without regard to case; what PostgreSQL's \m
/// does.
void wordPrefix(sqlite3_context* context, int, sqlite3_value** arguments) {
  const auto lowered = [](sqlite3_value* value) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
    return text ? loweredText(std::string(text, static_cast<std::size_t>(sqlite3_value_bytes(value))))
                : std::string();
  };
  try {
    // The word is the same for every row of a statement: kept by SQLite in the second argument's place.
    auto* word = static_cast<std::string*>(sqlite3_get_auxdata(context, 1));
    const bool fresh = !word;
    std::unique_ptr<std::string> made;
    if (fresh) {
      made = std::make_unique<std::string>(lowered(arguments[1]));
      word = made.get();
    }
    const std::string text = lowered(arguments[0]);
    bool found = false;
    for (std::size_t at = text.find(*word); at != std::string::npos && !found; at = text.find(*word, at + 1))
      found = at == 0 || !isWordByte(text[at - 1]);
    sqlite3_result_int(context, found ? 1 : 0);
    if (fresh)
      sqlite3_set_auxdata(context, 1, made.release(),
                          [](void* kept) { delete static_cast<std::string*>(kept); });
  } catch (const std::exception& problem) {
    sqlite3_result_error(context, problem.what(), -1);
  }
}

/// "UNIQUE constraint failed: tag.project_id, tag.name" -> "tag_project_id_name"; "…: index 'x'" -> "x".
std::string uniqueRule(std::string message) {
  if (const std::size_t colon = message.find(": "); colon != std::string::npos) message.erase(0, colon + 2);
  if (message.starts_with("index '") && message.ends_with("'")) return message.substr(7, message.size() - 8);
  std::string rule;
  for (std::size_t at = 0; at < message.size();) {
    const std::size_t end = std::min(message.find(", ", at), message.size());
    const std::string part = message.substr(at, end - at);
    const std::size_t dot = part.find('.');
    if (rule.empty()) rule = part.substr(0, dot);
    if (dot != std::string::npos) rule += "_" + part.substr(dot + 1);
    at = end + 2;
  }
  return rule;
}

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};

struct Statement {
  std::unique_ptr<sqlite3_stmt, Finalizer> handle;
  std::shared_ptr<const std::vector<std::string>> names;
  std::vector<bool> booleans;  ///< columns declared BOOLEAN: SQLite itself keeps 0 and 1
  bool writes = false;
};

class SqliteConnection final : public Connection {
 public:
  SqliteConnection(std::string path, std::shared_ptr<WriteGate> gate, std::chrono::milliseconds gateTimeout)
      : _path(std::move(path)),
        _gate(std::move(gate)),
        _gateTimeout(gateTimeout),
        _session("SQLite", _path),
        _native(Poco::Data::SQLite::Utility::dbHandle(_session)) {
    sqlite3_extended_result_codes(_native, 1);
    sqlite3_busy_timeout(_native, kBusyTimeoutMs);
    // A misspelt column in double quotes is an error, as it is in PostgreSQL, and not a text constant.
    sqlite3_db_config(_native, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(_native, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    sqlite3_create_function_v2(_native, "dispatch_lower", 1,
                               SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nullptr, lowerText,
                               nullptr, nullptr, nullptr);
    sqlite3_create_function_v2(_native, "dispatch_word_prefix", 2,
                               SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nullptr, wordPrefix,
                               nullptr, nullptr, nullptr);
    script(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 67108864;"
        "PRAGMA temp_store = MEMORY");
    useWriteAheadLog();
  }

  ~SqliteConnection() override {
    rollback();
    _statements.clear();
  }

  Rows query(std::string_view sql, const Values& parameters) override {
    Rows rows;
    run(sql, parameters, &rows);
    return rows;
  }

  std::int64_t execute(std::string_view sql, const Values& parameters) override {
    // sqlite3_changes() keeps the count of an earlier statement when this one cannot change rows (a CREATE).
    const auto before = sqlite3_total_changes64(_native);
    run(sql, parameters, nullptr);
    return sqlite3_total_changes64(_native) == before ? 0 : sqlite3_changes64(_native);
  }

  void script(std::string_view sql) override {
    for (const std::string& statement : splitStatements(sql))
      check(sqlite3_exec(_native, statement.c_str(), nullptr, nullptr, nullptr), statement);
  }

  void begin() override {
    enterGate();
    try {
      // IMMEDIATE: a transaction that began as a reader cannot become a writer once somebody else has
      // written.
      script("BEGIN IMMEDIATE");
    } catch (...) {
      leaveGate();
      throw;
    }
    _inTransaction = true;
  }

  void commit() override {
    script("COMMIT");
    _inTransaction = false;
    leaveGate();
  }

  void rollback() noexcept override {
    if (!_inTransaction) return;
    // Some errors (a full disk) have rolled back already.
    if (!sqlite3_get_autocommit(_native)) sqlite3_exec(_native, "ROLLBACK", nullptr, nullptr, nullptr);
    _inTransaction = false;
    leaveGate();
  }

  bool inTransaction() const override { return _inTransaction; }
  bool worthRetrying() const override { return false; }
  bool usable() noexcept override { return !_inTransaction && sqlite3_get_autocommit(_native) != 0; }

 private:
  void useWriteAheadLog() {
    const auto mode = [this](const char* sql) { return query(sql, {}).at(0).text("journal_mode"); };
    // Of several connections that turn it on at once, all but one are told "locked" without any waiting.
    for (int attempt = 0; mode("PRAGMA journal_mode") != "wal"; ++attempt) {
      try {
        if (mode("PRAGMA journal_mode = WAL") == "wal") return;
        refuseFile(_path, "a file system on which SQLite's write-ahead log does not work");
      } catch (const Problem& problem) {
        if (attempt == 20 || problem.retryAfterMs() == 0) throw;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    }
  }

  void enterGate() {
    _gate->enter(_gateTimeout);
    _insideGate = true;
  }
  void leaveGate() noexcept {
    if (!_insideGate) return;
    _insideGate = false;
    _gate->leave();
  }

  Statement& prepare(std::string_view sql) {
    if (Statement* known = _statements.find(sql)) return *known;
    sqlite3_stmt* handle = nullptr;
    const char* tail = nullptr;
    check(sqlite3_prepare_v3(_native, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                             &handle, &tail),
          sql);
    Statement statement;
    statement.handle.reset(handle);
    if (!handle ||
        !splitStatements(std::string_view(tail, static_cast<std::size_t>(sql.data() + sql.size() - tail)))
             .empty())
      throw std::logic_error("expected one SQL statement: " + std::string(sql));
    statement.writes = !sqlite3_stmt_readonly(handle);
    describe(statement);
    return _statements.add(std::string(sql), std::move(statement));
  }

  static void describe(Statement& statement) {
    std::vector<std::string> names;
    statement.booleans.clear();
    const int columns = sqlite3_column_count(statement.handle.get());
    for (int i = 0; i < columns; ++i) {
      names.emplace_back(sqlite3_column_name(statement.handle.get(), i));
      const char* declared = sqlite3_column_decltype(statement.handle.get(), i);
      statement.booleans.push_back(declared && strcasecmp(declared, "BOOLEAN") == 0);
    }
    statement.names = std::make_shared<const std::vector<std::string>>(std::move(names));
  }

  void run(std::string_view sql, const Values& parameters, Rows* rows) {
    checkParameters(parameters);
    Statement& statement = prepare(sql);
    const bool ownGate = statement.writes && !_inTransaction;
    if (ownGate) enterGate();
    struct Ending {
      SqliteConnection& connection;
      Statement& statement;
      bool ownGate;
      ~Ending() {
        sqlite3_reset(statement.handle.get());
        sqlite3_clear_bindings(statement.handle.get());
        if (ownGate) connection.leaveGate();
      }
    } ending{*this, statement, ownGate};
    bind(statement, parameters, sql);
    step(statement, sql, rows);
  }

  void bind(Statement& statement, const Values& parameters, std::string_view sql) {
    sqlite3_stmt* handle = statement.handle.get();
    if (sqlite3_bind_parameter_count(handle) != static_cast<int>(parameters.size()))
      throw std::logic_error("expected " + std::to_string(sqlite3_bind_parameter_count(handle)) +
                             " parameters, found " + std::to_string(parameters.size()) + ": " +
                             std::string(sql));
    int index = 0;
    for (const Value& value : parameters) {
      ++index;
      int code = SQLITE_OK;
      // The parameters outlive the statement's run, so SQLite need not copy the text.
      if (const auto* text = std::get_if<std::string>(&value))
        code = sqlite3_bind_text64(handle, index, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
      else if (const auto* integer = std::get_if<std::int64_t>(&value))
        code = sqlite3_bind_int64(handle, index, *integer);
      else if (const auto* boolean = std::get_if<bool>(&value))
        code = sqlite3_bind_int(handle, index, *boolean ? 1 : 0);
      else if (const auto* number = std::get_if<double>(&value))
        code = sqlite3_bind_double(handle, index, *number);
      check(code, sql);
    }
  }

  void step(Statement& statement, std::string_view sql, Rows* rows) {
    sqlite3_stmt* handle = statement.handle.get();
    bool described = false;
    for (;;) {
      const int code = sqlite3_step(handle);
      if (code == SQLITE_DONE) return;
      if (code != SQLITE_ROW) check(code, sql);
      // A changed schema makes SQLite prepare anew within the first step, with perhaps other columns.
      if (!described && rows &&
          static_cast<std::size_t>(sqlite3_column_count(handle)) != statement.names->size())
        describe(statement);
      described = true;
      if (rows) rows->emplace_back(statement.names, values(statement));
    }
  }

  static Values values(const Statement& statement) {
    sqlite3_stmt* handle = statement.handle.get();
    const std::size_t columns = statement.booleans.size();
    Values values;
    values.reserve(columns);
    for (std::size_t i = 0; i < columns; ++i) {
      const int column = static_cast<int>(i);
      switch (sqlite3_column_type(handle, column)) {
        case SQLITE_NULL:
          values.emplace_back();
          break;
        case SQLITE_INTEGER:
          if (statement.booleans[i])
            values.emplace_back(sqlite3_column_int(handle, column) != 0);
          else
            values.emplace_back(static_cast<std::int64_t>(sqlite3_column_int64(handle, column)));
          break;
        case SQLITE_FLOAT:
          values.emplace_back(sqlite3_column_double(handle, column));
          break;
        default: {
          const auto* text = static_cast<const char*>(sqlite3_column_blob(handle, column));
          const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle, column));
          values.emplace_back(std::in_place_type<std::string>, size ? text : "", size);
        }
      }
    }
    return values;
  }

  void check(int code, std::string_view sql) {
    if (code == SQLITE_OK) return;
    const std::string message = sqlite3_errmsg(_native);
    switch (code) {
      case SQLITE_CONSTRAINT_UNIQUE:
      case SQLITE_CONSTRAINT_PRIMARYKEY:
      case SQLITE_CONSTRAINT_ROWID:
        throw Problem(Problem::Kind::conflict,
                      "this would be there twice: " + uniqueRule(message) + " must be unique")
            .withType("unique:" + uniqueRule(message));
      case SQLITE_CONSTRAINT_FOREIGNKEY:
        throw Problem(Problem::Kind::conflict,
                      "this refers to something that does not exist, or something still refers to it")
            .withType("foreign_key");
      default:
        break;
    }
    switch (code & 0xFF) {
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        throw Problem(Problem::Kind::unavailable, "the database is locked by another process; try again")
            .withRetryAfter(1000);
      case SQLITE_FULL:
        throw Problem(Problem::Kind::unavailable, "the disk of the database is full; free some space")
            .withRetryAfter(30000);
      case SQLITE_READONLY:
      case SQLITE_CANTOPEN:
      case SQLITE_IOERR:
      case SQLITE_NOTADB:
      case SQLITE_CORRUPT:
        refuseFile(_path, message);
      default:
        throw Problem(Problem::Kind::internal,
                      "SQLite: " + message + " (" + std::to_string(code) + ") in: " + std::string(sql));
    }
  }

  std::string _path;
  std::shared_ptr<WriteGate> _gate;
  std::chrono::milliseconds _gateTimeout;
  Poco::Data::Session _session;
  sqlite3* _native;
  StatementCache<Statement> _statements{kStatementsPerConnection};
  bool _inTransaction = false, _insideGate = false;
};

}  // namespace

void WriteGate::enter(std::chrono::milliseconds limit) {
  std::unique_lock lock(_mutex);
  if (_occupied && _owner == std::this_thread::get_id())
    throw std::logic_error("a write through a second session inside a transaction would wait for itself");
  const std::uint64_t ticket = _nextTicket++;
  const auto myTurn = [&] {
    while (!_occupied && _serving != ticket) {
      const auto absent = std::find(_gaveUp.begin(), _gaveUp.end(), _serving);
      if (absent == _gaveUp.end()) return false;
      _gaveUp.erase(absent);
      ++_serving;
    }
    return !_occupied;
  };
  if (!_free.wait_for(lock, limit, myTurn)) {
    _gaveUp.push_back(ticket);
    _free.notify_all();
    throw Problem(Problem::Kind::unavailable,
                  "waited " + std::to_string(limit.count()) + " ms for other writers; try again")
        .withRetryAfter(1000);
  }
  _occupied = true;
  _owner = std::this_thread::get_id();
}

void WriteGate::leave() noexcept {
  {
    const std::lock_guard lock(_mutex);
    _occupied = false;
    _owner = {};
    ++_serving;
  }
  _free.notify_all();
}

std::unique_ptr<Connection> openSqlite(const std::string& path, std::shared_ptr<WriteGate> gate,
                                       std::chrono::milliseconds gateTimeout) {
  static const bool registered = (Poco::Data::SQLite::Connector::registerConnector(), true);
  static_cast<void>(registered);
  prepareFile(path);
  try {
    return std::make_unique<SqliteConnection>(path, std::move(gate), gateTimeout);
  } catch (const Poco::Exception& problem) {
    refuseFile(path, problem.displayText());
  }
}

}  // namespace dispatch::store
