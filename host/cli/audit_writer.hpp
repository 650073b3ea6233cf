#pragma once

#include "store/store.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace dispatch::cli {

/// Writes what plugins tried into the audit, on a thread of its own: whoever saw it must not wait for a
/// database. [any-thread]
class AuditWriter {
 public:
  explicit AuditWriter(store::Database& database);
  ~AuditWriter();  ///< writes what is left
  AuditWriter(const AuditWriter&) = delete;
  AuditWriter& operator=(const AuditWriter&) = delete;

  /// Kept up to 1,000 at a time; a flood beyond that is counted in one line of the log.
  void add(store::AuditEntry entry);

 private:
  void run();
  void write(const store::AuditEntry& entry);

  store::Database& _database;
  std::mutex _mutex;
  std::condition_variable _changed;
  std::deque<store::AuditEntry> _waiting;
  std::size_t _dropped = 0;
  bool _ending = false;
  std::thread _thread;
};

}  // namespace dispatch::cli
