#pragma once

#include "store/event_bus.hpp"
#include "store/value.hpp"

#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dispatch::store {

enum class Dialect { sqlite, postgresql };

/// Where the data lives.
struct Options {
  Dialect dialect = Dialect::sqlite;
  std::string path;              ///< SQLite file
  std::string connectionString;  ///< libpq keywords; contains the password, never logged
  std::size_t poolSize = 16;
  std::chrono::milliseconds poolTimeout{
      30000};  ///< waiting for a session longer than this is Problem(unavailable)
};

using Columns = std::initializer_list<std::pair<std::string_view, Value>>;

/// A database session leased from the pool for the life of this object. Not shared between threads.
///
/// SQL is written once for both databases, with `?` for parameters, which take the type of what they are
/// compared with or stored into; where one stands alone, PostgreSQL wants `CAST(? AS BIGINT)`. Statements are
/// prepared once per connection and kept by their text, so SQL is composed from few fixed pieces and never
/// holds a value.
///
/// A lost connection is Problem(unavailable) and the session is replaced; a broken constraint is
/// Problem(conflict) with the constraint's name in type() ("unique:incident_type_project_id_name" or
/// "foreign_key"). PostgreSQL refuses everything more in a transaction after any error: work that means to go
/// on after one runs it in nested().
///
/// Poco::Data's connectors open, own and close the connections; statements go through the prepared-statement
/// interface of the native handle that they hand out. Poco's own statements fix a column's type by its
/// declaration or first row, which breaks count(*), expressions and leading NULLs on SQLite, and prepare anew
/// on PostgreSQL (2-5 times slower).
class Session {
 public:
  virtual ~Session() = default;

  virtual Rows query(std::string_view sql, const Values& parameters = {}) = 0;
  virtual std::int64_t execute(std::string_view sql, const Values& parameters = {}) = 0;  ///< rows changed

  /// Several statements without parameters, separated by `;`, not kept: for schema changes.
  virtual void script(std::string_view sql) = 0;
  /// Runs `work` in a savepoint of the surrounding transaction: if it throws, its changes are undone, the
  /// exception goes on to the caller and the transaction stays usable. Throws std::logic_error outside of a
  /// transaction.
  virtual void nested(const std::function<void()>& work) = 0;

  std::optional<Row> one(std::string_view sql, const Values& parameters = {});  ///< the first row
  /// INSERT … RETURNING id, for tables with a numeric `id`. Column names are the program's own, never a
  /// caller's.
  std::int64_t insert(std::string_view table, Columns columns);
  std::int64_t insert(std::string_view table, const std::vector<std::pair<std::string, Value>>& columns);
  /// UPDATE … WHERE id = ?; nothing to do where `columns` is empty. Returns rows changed.
  std::int64_t update(std::string_view table, std::int64_t id, Columns columns);
  std::int64_t update(std::string_view table, std::int64_t id,
                      const std::vector<std::pair<std::string, Value>>& columns);

  virtual Dialect dialect() const = 0;

  /// Tells every open page after the surrounding transaction has committed (at once outside of one). A
  /// transaction that rolls back takes its events with it.
  virtual void publish(Event event) = 0;
  /// Runs `then` after the surrounding transaction has committed (at once outside of one), in this process
  /// only.
  virtual void afterCommit(std::function<void()> then) = 0;
};

/// The database and its pool. [any-thread]
class Database {
 public:
  static std::unique_ptr<Database> open(Options options);
  virtual ~Database() = default;

  /// A session for reads (and single statements). Waits at most poolTimeout for one.
  virtual std::unique_ptr<Session> session() = 0;

  /// Runs `work` in one transaction and commits; rolls back if it throws. SQLite: BEGIN IMMEDIATE, writers
  /// queue up in this process. PostgreSQL: READ COMMITTED, and the work is run again (at most 5 times) after
  /// a serialization failure or deadlock: `work` must have no effect outside the session, and must not write
  /// through a second one.
  virtual void transact(const std::function<void(Session&)>& work) = 0;

  template <class Result>
  Result transactReturning(const std::function<Result(Session&)>& work) {
    std::optional<Result> result;
    transact([&](Session& session) { result.emplace(work(session)); });
    return std::move(*result);
  }

  virtual EventBus& events() = 0;
  virtual Dialect dialect() const = 0;
  /// What is durable, as asked of the running database: SQLite's `synchronous`, PostgreSQL's
  /// `synchronous_commit`.
  virtual std::string durability() = 0;
  /// Round trip to the database; throws Problem(unavailable). For /readyz.
  virtual void ping() = 0;
};

}  // namespace dispatch::store
