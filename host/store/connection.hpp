#pragma once

#include "store/database.hpp"

#include <memory>
#include <string_view>

namespace dispatch::store {

/// One connection of the pool, used by one thread at a time. What differs between the two databases ends
/// here.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual Rows query(std::string_view sql, const Values& parameters) = 0;
  virtual std::int64_t execute(std::string_view sql, const Values& parameters) = 0;
  virtual void script(std::string_view sql) = 0;

  virtual void begin() = 0;
  virtual void commit() = 0;
  /// Never throws: a connection that cannot roll back is no longer usable().
  virtual void rollback() noexcept = 0;
  virtual bool inTransaction() const = 0;

  /// The running transaction failed for a reason that goes away when it is run again.
  virtual bool worthRetrying() const = 0;
  /// Whether it may be leased (again): connected and not in a transaction. Costs no round trip.
  virtual bool usable() noexcept = 0;
};

/// Statements kept per connection. The program has some hundred; lists add a few per combination of filters.
inline constexpr std::size_t kStatementsPerConnection = 256;

}  // namespace dispatch::store
