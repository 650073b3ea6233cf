#pragma once

#include "store/connection.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace dispatch::store {

/// Lets one writer at a time into an SQLite file. SQLite itself makes writers poll with growing pauses;
/// within a process a queue is quicker and fair. Other processes are held off by SQLite's own lock and busy
/// timeout.
class WriteGate {
 public:
  /// Throws Problem(unavailable) after `limit`, std::logic_error if this thread is inside already.
  void enter(std::chrono::milliseconds limit);
  void leave() noexcept;

 private:
  std::mutex _mutex;
  std::condition_variable _free;
  std::uint64_t _nextTicket = 0, _serving = 0;
  std::vector<std::uint64_t> _gaveUp;
  bool _occupied = false;
  std::thread::id _owner;
};

/// Opens `path`, creating it readable for its owner only. Throws Problem that says what is wrong with the
/// file or its directory.
std::unique_ptr<Connection> openSqlite(const std::string& path, std::shared_ptr<WriteGate> gate,
                                       std::chrono::milliseconds gateTimeout);

}  // namespace dispatch::store
