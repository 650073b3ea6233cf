#pragma once

#include "store/connection.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace dispatch::store {

/// At most `size` connections, opened when first needed, used last-in first-out so that few stay warm.
/// [any-thread]
class Pool {
 public:
  using Connect = std::function<std::unique_ptr<Connection>()>;

  Pool(Connect connect, std::size_t size, std::chrono::milliseconds timeout);

  /// A usable connection; throws Problem(unavailable) if none becomes free in time or none can be opened.
  std::unique_ptr<Connection> take();
  /// Keeps `connection` if it is still usable. nullptr only gives its place back.
  void giveBack(std::unique_ptr<Connection> connection) noexcept;

 private:
  Connect _connect;
  const std::size_t _size;
  const std::chrono::milliseconds _timeout;
  std::mutex _mutex;
  std::condition_variable _returned;
  std::vector<std::unique_ptr<Connection>> _idle;
  std::size_t _leased = 0;
};

}  // namespace dispatch::store
