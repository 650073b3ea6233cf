#pragma once

#include "integrations/integrations.hpp"
#include "webhook/deliveries.hpp"
#include "webhook/endpoints.hpp"
#include "webhook/rate_limit.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace dispatch::webhook {

constexpr std::uint64_t maxBodyBytes = 1u << 20;

struct InboxOptions {
  int threads = 4, threadsOfOne = 2;  ///< that call plugins; how many of them one instance may have
  /// Senders that wait for their plugin at once, each on a thread of the HTTP server; and those of one
  /// instance.
  int waiters = 4, waitersOfOne = 2;
  std::size_t queueOfOne = 16;  ///< requests of one instance in memory; further ones are in the database
  std::chrono::milliseconds answerWithin{2500};  ///< then the sender is told 202; Slack gives up after 3 s
  std::chrono::milliseconds lease{15'000}, tick{1000};
  std::chrono::milliseconds stopWithin{10'000};  ///< then attempts under way are cancelled, and come again
  std::chrono::milliseconds retryFirst{5'000}, retryMost{600'000};
  int attempts = 150;               ///< about a day
  std::int64_t mostWaiting = 1000;  ///< of one instance; more are told 503
  RateLimit::Options rate{};
};

/// Takes requests, durably, and brings each to its plugin until the plugin has answered. [any-thread]
class Inbox {
 public:
  /// What it stands on outlives it. `hostId`: of this process, for leases.
  Inbox(store::Database& database, integrations::Integrations& integrations, const config::Envelope& envelope,
        std::string hostId, InboxOptions options = {});
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Starts its threads: attempts are made from now on.
  void run();
  /// No further attempts; those under way have `stopWithin`. What waits is tried by the next server.
  void stop();

  /// Commits the request, without cookies, and answers: with the plugin's response where that came in time,
  /// else 202. Throws Problem: tooMany, unavailable (the inbox is full, or the database is not there: then
  /// nothing was taken).
  plugin::WebhookResponse receive(const Endpoints::Found& endpoint, plugin::WebhookRequest request);

  Endpoints& endpoints() { return _endpoints; }
  Json list(std::int64_t instanceId) { return _deliveries.list(instanceId); }
  void retry(std::int64_t instanceId, std::int64_t id, const std::string& actor);

 private:
  /// Who sent a request and waits for the answer; the flags are under _mutex.
  struct Sender {
    std::promise<plugin::WebhookResponse> answer;
    bool left = false;      ///< with 202
    bool answered = false;  ///< what comes is their answer, and they stay for it
  };
  struct Job {
    Deliveries::Taken taken;
    std::shared_ptr<Sender> sender;  ///< null: nobody waits
  };

  void work();
  void tick();
  std::optional<Job> next(std::unique_lock<std::mutex>& lock);
  std::size_t queuedOf(std::int64_t instanceId) const;  ///< under _mutex
  plugin::WebhookResponse attempt(const Job& job);
  Ending judged(const Deliveries::Taken& taken, plugin::WebhookResponse& response);
  bool hears(const Job& job);
  void letGo(std::int64_t id);  ///< its lease is not renewed any more
  Ending later(const Deliveries::Taken& taken, const std::string& reason, std::uint32_t retryAfterMs) const;

  store::Database& _database;
  integrations::Integrations& _integrations;
  Endpoints _endpoints;
  Deliveries _deliveries;
  const InboxOptions _options;
  RateLimit _rate;

  std::mutex _mutex;
  std::condition_variable _changed, _ticks;
  std::deque<Job> _queue;
  std::set<std::int64_t> _held;           ///< under this host's lease
  std::map<std::int64_t, int> _underWay;  ///< attempts by instance
  std::map<std::int64_t, int> _waiters;   ///< senders that wait, by instance
  int _allWaiters = 0;
  bool _running = false, _renewing = false, _poll = false;
  std::shared_ptr<plugin::Cancellation> _cancellation;  ///< of all attempts, from run() to stop()
  std::vector<std::thread> _threads;
  std::thread _ticker;
};

}  // namespace dispatch::webhook
