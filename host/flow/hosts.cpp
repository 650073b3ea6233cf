#include "flow/hosts.hpp"

#include "base/base.hpp"
#include "flow/verdict.hpp"

#include <Poco/Environment.h>
#include <Poco/Logger.h>

#include <unistd.h>

namespace dispatch::flow {
namespace {

Poco::Logger& logger() { return Poco::Logger::get("dispatch.flow"); }

constexpr const char* kCrashReason =
    "The server stopped while this was under way, so it may have happened or not. Check on the other side, "
    "then choose: it was "
    "done, or do it again.";

}  // namespace

Hosts::Hosts(store::Database& database, const Kinds& kinds, std::string id, std::function<void()> wake)
    : _database(database), _kinds(kinds), _id(std::move(id)), _wake(std::move(wake)) {}

void Hosts::show() {
  try {
    if (_database.dialect() == store::Dialect::postgresql) {
      if (!_keeper) {
        auto keeper = _database.session();
        const auto row =
            keeper->one("SELECT pg_try_advisory_lock(hashtextextended(CAST(? AS TEXT), 7)) AS held", {_id});
        if (!row || !row->boolean("held"))
          throw Problem(Problem::Kind::unavailable,
                        "the sign of life of host " + _id + " is still held by its former session");
        _keeper = std::move(keeper);
      } else {
        _keeper->query("SELECT 1 AS one");
      }
    }
    const std::string at = nowText();
    _database.session()->execute(
        "INSERT INTO host (id, name, process_id, started_at, seen_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
        {_id, Poco::Environment::nodeName(), static_cast<std::int64_t>(::getpid()), at, at});
    _alive = true;
  } catch (const std::exception&) {
    _alive = false;
    _keeper.reset();
    throw;
  }
}

int Hosts::takeBack() {
  int taken = 0;
  if (_database.dialect() == store::Dialect::sqlite) {
    _database.transact([&](store::Session& session) {
      taken = takeBackFrom(session, "1 = 1", {});
      session.execute("DELETE FROM host WHERE id <> ?", {_id});
    });
    return taken;
  }
  if (!_orphansTaken) {
    // Steps whose host has no row at all, as after restoring a dump.
    _database.transact([&](store::Session& session) {
      taken = takeBackFrom(session, "lease_owner NOT IN (SELECT id FROM host)", {});
    });
    _orphansTaken = true;
  }
  std::set<std::string> gone;
  for (const store::Row& row : _database.session()->query("SELECT id FROM host WHERE id <> ?", {_id})) {
    const std::string other = row.text("id");
    int some = 0;
    _database.transact([&](store::Session& session) {
      some = 0;
      const auto lock = session.one(
          "SELECT pg_try_advisory_xact_lock(hashtextextended(CAST(? AS TEXT), 7)) AS free", {other});
      if (!lock || !lock->boolean("free")) return;
      gone.insert(other);
      if (!_suspects.contains(other)) return;
      some = takeBackFrom(session, "lease_owner = ?", {other});
      session.execute("DELETE FROM host WHERE id = ?", {other});
    });
    if (_suspects.contains(other) && gone.contains(other))
      logger().warning("host " + other + " is gone; took over " + std::to_string(some) +
                       " step(s) it had begun");
    taken += some;
  }
  _suspects = std::move(gone);
  return taken;
}

int Hosts::takeBackFrom(store::Session& session, const std::string& where, const store::Values& parameters) {
  int taken = 0;
  for (const store::Row& row : session.query(
           "SELECT id, flow_id FROM flow_step WHERE state = 'running' AND " + where + " ORDER BY flow_id, id",
           parameters)) {
    auto flow = lockFlow(session, row.integer("flow_id"));
    const auto step = readStep(session, row.integer("id"));
    if (!flow || !step || step->state != "running") continue;
    ++taken;
    const Next next = step->outcomeUnknown ? judgeAfterCrash(plugin::effectOf(step->effect)) : Next::again;
    if (next == Next::uncertain) {
      changeStep(session, *flow, *step, "uncertain",
                 {{"reason", std::string(kCrashReason)},
                  {"lease_owner", store::Value()},
                  {"finished_at", nowText()}});
      const auto kind = _kinds.find(flow->kind);
      const Binding* binding = kind == _kinds.end() ? nullptr : findBinding(kind->second, step->key);
      if (binding && binding->failed) {
        StepContext context = makeContext(session, *flow, *step);
        binding->failed(context, "uncertain", kCrashReason);
      }
    } else {
      changeStep(
          session, *flow, *step, "pending",
          {{"next_try_at", nowText()},
           {"lease_owner", store::Value()},
           {"reason", store::Value("The server stopped while this was under way; it is taken up again.")}});
      session.afterCommit(_wake);
    }
    settle(session, *flow, _wake);
  }
  return taken;
}

void Hosts::leave(bool orderly) {
  _alive = false;
  try {
    if (orderly) _database.session()->execute("DELETE FROM host WHERE id = ?", {_id});
    if (_keeper)
      _keeper->query("SELECT pg_advisory_unlock(hashtextextended(CAST(? AS TEXT), 7)) AS done", {_id});
  } catch (const std::exception& problem) {
    logger().warning(std::string("leaving without a word to the other hosts: ") + problem.what());
  }
  _keeper.reset();
}

}  // namespace dispatch::flow
