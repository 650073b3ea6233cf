// Which hosts are alive, and taking back the steps of those that are not.
#pragma once

#include "flow/engine.hpp"
#include "flow/steps.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace dispatch::flow {

using Kinds = std::map<std::string, std::map<std::string, Binding>>;

/// A host's sign of life is a session advisory lock on PostgreSQL: it ends with the process, however the
/// process ends, so that a dead host's work is free without waiting for a lease to run out. SQLite has one
/// server, held by a file lock elsewhere.
class Hosts {
 public:
  Hosts(store::Database& database, const Kinds& kinds, std::string id, std::function<void()> wake);

  const std::string& id() const { return _id; }
  /// Whether this host's lock is held: without it others may take its steps, so it must not begin any.
  bool alive() const { return _alive; }

  /// Shows this host as alive: row and lock. Throws Problem(unavailable).
  void show();
  /// Takes back steps of hosts that are gone: on SQLite all that are running, on PostgreSQL those of hosts
  /// found without their lock twice in a row (a living host that lost its connection takes the lock again
  /// meanwhile). Answers how many.
  int takeBack();
  /// Gives up row and lock. `orderly`: nothing of ours is running any more.
  void leave(bool orderly);

 private:
  int takeBackFrom(store::Session& session, const std::string& where, const store::Values& parameters);

  store::Database& _database;
  const Kinds& _kinds;
  const std::string _id;
  std::function<void()> _wake;
  std::unique_ptr<store::Session> _keeper;
  std::atomic<bool> _alive{false};
  std::set<std::string> _suspects;
  bool _orphansTaken = false;
};

}  // namespace dispatch::flow
