#pragma once

#include "base/json.hpp"
#include "store/store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::source {

/// Where each source goes on, in the database; a lease says which server asks it now. [any-thread]
class Cursors {
 public:
  /// `database` outlives it. `owner`: of this process, for leases.
  Cursors(store::Database& database, std::string owner, std::chrono::milliseconds lease)
      : _database(database), _owner(std::move(owner)), _lease(lease) {}

  /// A source in this server's hands.
  struct Taken {
    std::int64_t instanceId = 0;
    std::string cursor;
    std::int64_t asked = 0, startedOver = 0;
    int failures = 0;  ///< in a row, so far
  };
  /// Of these instances (with their organizations), those whose time has come and that no other server asks,
  /// the longest due first, at most `most`. One that is not known yet is due at once.
  struct Known {
    std::int64_t instanceId = 0, organizationId = 0;
  };
  std::vector<Taken> takeDue(const std::vector<Known>& instances, std::size_t most);

  /// The poll ended well. With `nextAt` the lease ends; without, it goes on. False: another server, or
  /// nobody, has it by now, and nothing was changed. `taken` is where to go on.
  bool advance(Taken& taken, const std::string& cursor, const std::optional<std::string>& nextAt);
  /// It did not; `reason` for people. The lease ends.
  void failed(const Taken& taken, const std::string& reason, const std::string& nextAt);
  /// It was not asked after all, or given up: due again at once.
  void giveBack(std::int64_t instanceId);

  void extendLeases(const std::vector<std::int64_t>& instanceIds);
  /// On SQLite, where no other server can hold any: those of a server that was killed.
  void takeBackAll();

  /// Due now; with `startOver` from the beginning. Throws Problem(notFound) if it was never asked.
  void pollNow(std::int64_t instanceId, bool startOver, const std::string& actor);

  /// {"next_poll_at", "polling", "polls", "failures", "last_polled_at", "last_error", "events",
  /// "last_event_at"}; null: never asked.
  Json show(std::int64_t instanceId);

 private:
  std::optional<Taken> take(std::int64_t instanceId, const std::string& moment);

  store::Database& _database;
  const std::string _owner;
  const std::chrono::milliseconds _lease;
};

}  // namespace dispatch::source
