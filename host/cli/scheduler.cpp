#include "cli/scheduler.hpp"

#include "base/base.hpp"
#include "webhook/webhook.hpp"

#include <Poco/Logger.h>

namespace dispatch::cli {

namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr minutes lease{10};

Poco::Logger& log() { return Poco::Logger::get("dispatch.scheduler"); }

std::string deleted(std::int64_t count, const char* what) {
  return std::to_string(count) + " " + what + " removed";
}

/// Takes the job's lease. `force`: whether or not it is due. False: not due, or somebody else has it.
bool take(store::Database& database, const Job& job, const std::string& hostId, bool force) {
  return database.transactReturning<bool>([&](store::Session& session) {
    session.execute("INSERT INTO scheduler_job (name) VALUES (?) ON CONFLICT DO NOTHING", {job.name});
    const auto moment = now();
    const std::string due = toText(moment - job.every);
    return session.execute(
               std::string(
                   "UPDATE scheduler_job SET lease_owner = ?, lease_until = ?, last_due = ? WHERE name = ?"
                   " AND (lease_until IS NULL OR lease_until < ?)") +
                   (force ? "" : " AND (last_due IS NULL OR last_due <= ?)"),
               [&] {
                 store::Values values{hostId, toText(moment + lease), toText(moment), job.name,
                                      toText(moment)};
                 if (!force) values.emplace_back(due);
                 return values;
               }()) > 0;
  });
}

std::string runTaken(store::Database& database, const Job& job, const std::string& hostId) {
  std::string done, error;
  try {
    done = job.run(database);
  } catch (const std::exception& failure) {
    error = failure.what();
  }
  database.session()->execute(
      "UPDATE scheduler_job SET lease_owner = NULL, lease_until = NULL, last_run_at = ?, last_error = ?"
      " WHERE name = ? AND lease_owner = ?",
      {nowText(), error.empty() ? store::Value() : store::Value(error), job.name, hostId});
  if (!error.empty()) throw Problem(Problem::Kind::unavailable, "The job " + job.name + " failed: " + error);
  return done;
}

}  // namespace

const std::vector<Job>& jobs() {
  static const std::vector<Job> all{
      {"session-cleanup", "Removes browser sessions that have ended", minutes(15),
       [](store::Database& database) {
         return deleted(database.session()->execute("DELETE FROM session WHERE expires_at < ?", {nowText()}),
                        "sessions");
       }},
      {"idempotency-key-cleanup", "Forgets answers kept for repeated requests after a day", hours(1),
       [](store::Database& database) {
         return deleted(database.session()->execute("DELETE FROM idempotency_key WHERE created_at < ?",
                                                    {toText(now() - hours(24))}),
                        "keys");
       }},
      {"webhook-cleanup", "Removes ended requests to plugins after 30 days, refused ones after a day",
       hours(1),
       [](store::Database& database) {
         return deleted(webhook::removeOldDeliveries(database), "deliveries");
       }},
      {"host-cleanup", "Removes servers that were not seen for a week and hold no work", hours(24),
       [](store::Database& database) {
         return deleted(
             database.session()->execute(
                 "DELETE FROM host WHERE seen_at < ? AND id NOT IN (SELECT lease_owner FROM flow_step"
                 " WHERE lease_owner IS NOT NULL)",
                 {toText(now() - hours(24 * 7))}),
             "hosts");
       }},
      {"database-statistics", "Lets the database look at its data, so that it chooses good plans", hours(24),
       [](store::Database& database) {
         // PostgreSQL's autovacuum does it by itself.
         if (database.dialect() == store::Dialect::sqlite) database.session()->script("PRAGMA optimize");
         return std::string("done");
       }}};
  return all;
}

Json describeJobs(store::Database& database) {
  Json list = Json::array();
  const auto session = database.session();
  for (const auto& job : jobs()) {
    const auto row =
        session->one("SELECT last_run_at, last_error FROM scheduler_job WHERE name = ?", {job.name});
    list.push_back({{"name", job.name},
                    {"description", job.description},
                    {"every_seconds", job.every.count()},
                    {"last_run_at", row ? store::toJson((*row)["last_run_at"]) : Json()},
                    {"last_error", row ? store::toJson((*row)["last_error"]) : Json()}});
  }
  return list;
}

Json runJob(store::Database& database, const std::string& name, const std::string& hostId) {
  std::string names;
  for (const auto& job : jobs()) {
    names += (names.empty() ? "" : ", ") + job.name;
    if (job.name != name) continue;
    if (!take(database, job, hostId, true))
      throw Problem(Problem::Kind::conflict, "The job " + name + " is running at this moment");
    return {{"name", name}, {"done", runTaken(database, job, hostId)}};
  }
  throw Problem(Problem::Kind::notFound, "There is no job \"" + name + "\"; there are " + names);
}

Scheduler::Scheduler(store::Database& database, std::string hostId)
    : _database(database), _hostId(std::move(hostId)) {
  _thread = std::thread([this] { work(); });
}

Scheduler::~Scheduler() {
  {
    std::lock_guard lock(_mutex);
    _stopping = true;
  }
  _wakes.notify_all();
  _thread.join();
}

void Scheduler::work() {
  std::unique_lock lock(_mutex);
  // The first round waits a little: a server that has just started has better things to do.
  _wakes.wait_for(lock, std::chrono::seconds(20), [&] { return _stopping; });
  while (!_stopping) {
    lock.unlock();
    for (const auto& job : jobs()) {
      try {
        if (take(_database, job, _hostId, false))
          log().information("%s: %s", job.name, runTaken(_database, job, _hostId));
      } catch (const std::exception& error) {
        log().warning("%s", std::string(error.what()));
      }
    }
    lock.lock();
    _wakes.wait_for(lock, minutes(1), [&] { return _stopping; });
  }
}

}  // namespace dispatch::cli
