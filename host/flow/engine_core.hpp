// The engine's state, shared by its threads: a thread that a stop() could not wait for keeps it alive.
#pragma once

#include "base/base.hpp"
#include "flow/engine.hpp"
#include "flow/hosts.hpp"
#include "flow/runner.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dispatch::flow {

/// Claims ready steps and hands them to a few threads. It sleeps until a commit here, an event from another
/// host, or the next scheduled try. [any-thread]
class EngineCore : public std::enable_shared_from_this<EngineCore> {
 public:
  EngineCore(store::Database& database, integrations::Integrations& integrations, EngineOptions options);

  void begin();
  void stop(std::chrono::milliseconds limit);
  void wake();

  Kinds kinds;  ///< read-only once begun

 private:
  /// Calls of one plugin in one project: bounded, so that a slow plugin cannot take all threads.
  struct Lane {
    int busy = 0, limit = 0;
  };
  struct Claim {
    std::int64_t stepId = 0;
    std::string key;
    std::string lane;  ///< "" for host steps: no bound
  };

  void dispatchLoop();
  void workLoop();
  void heartbeatLoop();

  std::vector<Claim> claim(std::size_t count);
  /// When there is something to claim; nullopt: nothing is scheduled.
  std::optional<Instant> nextDue();
  void giveBack(const std::vector<Claim>& claims);

  store::Database& _database;
  integrations::Integrations& _integrations;
  const EngineOptions _options;
  Runner::Halt _halt;
  Hosts _hosts;
  Runner _runner;
  store::EventBus::Subscription _events;

  std::mutex _mutex;
  std::condition_variable _wakeDispatcher, _wakeWorkers, _wakeHeartbeat, _idle;
  bool _poked = false, _running = false;
  std::size_t _busy = 0;
  std::deque<Claim> _queue;
  std::map<std::string, Lane> _lanes;
  std::size_t _threadsAlive = 0;
  std::vector<std::thread> _threads;
};

}  // namespace dispatch::flow
