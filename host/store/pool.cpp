#include "store/pool.hpp"

#include "base/problem.hpp"

#include <algorithm>

namespace dispatch::store {

Pool::Pool(Connect connect, std::size_t size, std::chrono::milliseconds timeout)
    : _connect(std::move(connect)), _size(std::max<std::size_t>(size, 1)), _timeout(timeout) {
  _idle.reserve(_size);
}

std::unique_ptr<Connection> Pool::take() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(_mutex);
    if (!_returned.wait_for(lock, _timeout, [this] { return _leased < _size; }))
      throw Problem(Problem::Kind::unavailable, "all " + std::to_string(_size) +
                                                    " database sessions were busy for " +
                                                    std::to_string(_timeout.count()) +
                                                    " ms; try again, or raise DATABASE_ENGINE_POOL_SIZE")
          .withRetryAfter(1000);
    ++_leased;
    if (!_idle.empty()) {
      connection = std::move(_idle.back());
      _idle.pop_back();
    }
  }
  try {
    // After a restart of the database every idle connection is dead: drop them here, not at a person's
    // expense.
    while (connection && !connection->usable()) {
      connection.reset();
      const std::lock_guard lock(_mutex);
      if (_idle.empty()) break;
      connection = std::move(_idle.back());
      _idle.pop_back();
    }
    return connection ? std::move(connection) : _connect();
  } catch (...) {
    giveBack(nullptr);
    throw;
  }
}

void Pool::giveBack(std::unique_ptr<Connection> connection) noexcept {
  if (connection && connection->inTransaction()) connection->rollback();
  if (connection && !connection->usable()) connection.reset();
  {
    const std::lock_guard lock(_mutex);
    --_leased;
    if (connection) _idle.push_back(std::move(connection));
  }
  _returned.notify_one();
}

}  // namespace dispatch::store
