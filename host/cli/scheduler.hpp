#pragma once

#include "store/store.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dispatch::cli {

struct Job {
  std::string name, description;
  std::chrono::seconds every;
  /// Returns what it did, in a few words for the log. May throw.
  std::function<std::string(store::Database&)> run;
};

/// The housekeeping of this release: expired sessions, old idempotency keys, hosts that are gone, planner
/// statistics.
const std::vector<Job>& jobs();

/// [{name, description, every_seconds, last_run_at, last_error}]
Json describeJobs(store::Database& database);

/// Runs the job now, whatever is due. Throws Problem(notFound) with the names there are, or Problem(conflict)
/// while another host runs it.
Json runJob(store::Database& database, const std::string& name, const std::string& hostId);

/// Runs each job once per period across all hosts: who takes its row's lease runs it. A job that fails is
/// tried again at its next period, and holds back no other.
class Scheduler {
 public:
  Scheduler(store::Database& database, std::string hostId);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

 private:
  void work();

  store::Database& _database;
  std::string _hostId;
  std::mutex _mutex;
  std::condition_variable _wakes;
  bool _stopping = false;
  std::thread _thread;
};

}  // namespace dispatch::cli
