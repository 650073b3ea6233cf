#include "store/database.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"
#include "store/local_event_bus.hpp"
#include "store/pool.hpp"
#include "store/postgresql_connection.hpp"
#include "store/postgresql_listener.hpp"
#include "store/sql_text.hpp"
#include "store/sqlite_connection.hpp"

#include <Poco/Logger.h>

#include <stdexcept>
#include <thread>

namespace dispatch::store {
namespace {

constexpr int kAttempts = 5;
constexpr std::size_t kMaxEventBytes = 4096;

/// What every session of a database shares; outlives it as long as a session is leased.
struct Core {
  Core(Dialect dialectOf, Pool::Connect connect, const Options& options)
      : dialect(dialectOf), pool(std::move(connect), options.poolSize, options.poolTimeout) {}

  const Dialect dialect;
  const std::string process = randomUuid();
  Pool pool;
  LocalEventBus bus;
};

class LeasedSession final : public Session {
 public:
  explicit LeasedSession(std::shared_ptr<Core> core)
      : _core(std::move(core)), _connection(_core->pool.take()) {}
  ~LeasedSession() override { _core->pool.giveBack(std::move(_connection)); }
  LeasedSession(const LeasedSession&) = delete;
  LeasedSession& operator=(const LeasedSession&) = delete;

  Rows query(std::string_view sql, const Values& parameters) override {
    return _connection->query(sql, parameters);
  }
  std::int64_t execute(std::string_view sql, const Values& parameters) override {
    return _connection->execute(sql, parameters);
  }
  void script(std::string_view sql) override { _connection->script(sql); }
  Dialect dialect() const override { return _core->dialect; }

  void nested(const std::function<void()>& work) override {
    if (!_connection->inTransaction()) throw std::logic_error("nested() outside of a transaction");
    const std::size_t events = _events.size(), hooks = _hooks.size();
    script("SAVEPOINT nested");
    try {
      work();
      script("RELEASE SAVEPOINT nested");
    } catch (...) {
      _events.resize(events);
      _hooks.resize(hooks);
      undoNested();
      throw;
    }
  }

  void publish(Event event) override {
    const std::string text = encodeEvent(event, _core->process);
    if (text.size() > kMaxEventBytes)
      throw std::logic_error("an event of " + std::to_string(text.size()) +
                             " bytes: it is to carry ids, not rows");
    if (_connection->inTransaction()) {
      _events.push_back(std::move(event));
      return;
    }
    notify(text);
    _core->bus.post(std::move(event));
  }

  void afterCommit(std::function<void()> then) override {
    if (_connection->inTransaction())
      _hooks.push_back(std::move(then));
    else
      then();
  }

  /// One attempt at `work`; false = worth another.
  bool attempt(const std::function<void(Session&)>& work) {
    _connection->begin();
    try {
      work(*this);
      // Part of the transaction: other hosts hear of it if and only if it commits.
      for (const Event& event : _events) notify(encodeEvent(event, _core->process));
      _connection->commit();
    } catch (...) {
      _events.clear();
      _hooks.clear();
      const bool again = _connection->worthRetrying();
      _connection->rollback();
      if (again) return false;
      throw;
    }
    for (Event& event : std::exchange(_events, {})) _core->bus.post(std::move(event));
    for (const auto& then : std::exchange(_hooks, {})) {
      try {
        then();
      } catch (const std::exception& problem) {
        // The change is committed: its caller must not be told otherwise.
        Poco::Logger::get("dispatch.store").error(std::string("after a commit: ") + problem.what());
      }
    }
    return true;
  }

 private:
  void notify(const std::string& text) {
    if (_core->dialect == Dialect::postgresql)
      _connection->query("SELECT pg_notify(?, ?)",
                         {Value(std::string(PostgresqlListener::kChannel)), Value(text)});
  }

  void undoNested() noexcept {
    try {
      script("ROLLBACK TO SAVEPOINT nested; RELEASE SAVEPOINT nested");
    } catch (const std::exception&) {
      // The connection is gone; whatever comes next in this transaction says so.
    }
  }

  std::shared_ptr<Core> _core;
  std::unique_ptr<Connection> _connection;
  std::vector<Event> _events;
  std::vector<std::function<void()>> _hooks;
};

class PooledDatabase final : public Database {
 public:
  explicit PooledDatabase(std::shared_ptr<Core> core) : _core(std::move(core)) {}

  std::unique_ptr<Session> session() override { return std::make_unique<LeasedSession>(_core); }

  void transact(const std::function<void(Session&)>& work) override {
    for (int tried = 1;; ++tried) {
      if (LeasedSession(_core).attempt(work)) return;
      if (tried == kAttempts)
        throw Problem(Problem::Kind::unavailable,
                      "other changes got in the way " + std::to_string(kAttempts) + " times; try again")
            .withType("serialization")
            .withRetryAfter(500);
      std::this_thread::sleep_for(std::chrono::milliseconds(5 * tried * tried));
    }
  }

  EventBus& events() override { return _core->bus; }
  Dialect dialect() const override { return _core->dialect; }
  void ping() override { LeasedSession(_core).query("SELECT 1 AS one", {}); }

  std::string durability() override {
    LeasedSession session(_core);
    if (_core->dialect == Dialect::postgresql)
      return session.query("SHOW synchronous_commit", {}).at(0).text("synchronous_commit");
    constexpr const char* kLevels[] = {"OFF", "NORMAL", "FULL", "EXTRA"};
    return kLevels[session.query("PRAGMA synchronous", {}).at(0).integer("synchronous") & 3];
  }

  void listen(const std::string& connectionString) {
    _listener = std::make_unique<PostgresqlListener>(connectionString, _core->process, _core->bus);
  }

 private:
  std::shared_ptr<Core> _core;
  std::unique_ptr<PostgresqlListener> _listener;
};

template <class Pairs>
std::int64_t insertRow(Session& session, std::string_view table, const Pairs& columns) {
  std::string names, marks;
  Values values;
  values.reserve(columns.size());
  for (const auto& [name, value] : columns) {
    names += (names.empty() ? "" : ", ") + quotedName(name);
    marks += marks.empty() ? "?" : ", ?";
    values.push_back(value);
  }
  std::string sql = "INSERT INTO " + quotedName(table);
  sql += columns.size() == 0 ? " DEFAULT VALUES" : " (" + names + ") VALUES (" + marks + ")";
  return session.query(sql + " RETURNING id", values).at(0).integer("id");
}

template <class Pairs>
std::int64_t updateRow(Session& session, std::string_view table, std::int64_t id, const Pairs& columns) {
  if (columns.size() == 0) return 0;
  std::string assignments;
  Values values;
  values.reserve(columns.size() + 1);
  for (const auto& [name, value] : columns) {
    assignments += (assignments.empty() ? "" : ", ") + quotedName(name) + " = ?";
    values.push_back(value);
  }
  values.emplace_back(id);
  return session.execute("UPDATE " + quotedName(table) + " SET " + assignments + " WHERE id = ?", values);
}

}  // namespace

std::optional<Row> Session::one(std::string_view sql, const Values& parameters) {
  Rows rows = query(sql, parameters);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

std::int64_t Session::insert(std::string_view table, Columns columns) {
  return insertRow(*this, table, columns);
}
std::int64_t Session::insert(std::string_view table,
                             const std::vector<std::pair<std::string, Value>>& columns) {
  return insertRow(*this, table, columns);
}
std::int64_t Session::update(std::string_view table, std::int64_t id, Columns columns) {
  return updateRow(*this, table, id, columns);
}
std::int64_t Session::update(std::string_view table, std::int64_t id,
                             const std::vector<std::pair<std::string, Value>>& columns) {
  return updateRow(*this, table, id, columns);
}

std::unique_ptr<Database> Database::open(Options options) {
  if (options.dialect == Dialect::postgresql) {
    const std::string complete = completeConnectionString(options.connectionString);
    auto database = std::make_unique<PooledDatabase>(std::make_shared<Core>(
        Dialect::postgresql, [complete] { return openPostgresql(complete); }, options));
    database->ping();
    database->listen(complete);
    return database;
  }
  auto gate = std::make_shared<WriteGate>();
  auto database = std::make_unique<PooledDatabase>(std::make_shared<Core>(
      Dialect::sqlite,
      [path = options.path, gate, timeout = options.poolTimeout] { return openSqlite(path, gate, timeout); },
      options));
  database->ping();
  return database;
}

}  // namespace dispatch::store
