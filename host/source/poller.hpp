#pragma once

#include "integrations/integrations.hpp"
#include "source/cursors.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dispatch::source {

struct PollerOptions {
  std::chrono::milliseconds tick{1000}, lease{30'000};
  std::chrono::milliseconds usual{60'000};  ///< between polls, where the plugin does not say
  std::chrono::milliseconds atOnce{100};  ///< between polls where there is more: nobody asks in a tight loop
  std::chrono::milliseconds retryFirst{5'000}, retryMost{600'000};
  std::chrono::milliseconds stopWithin{1'000};  ///< then polls under way are cancelled, and come again
  std::size_t most = 32;                        ///< polls under way at once, each on a thread of its own
};

/// Asks each source when its time has come, one poll of an instance at a time in all servers of an
/// installation, and keeps its cursor once it has answered. [any-thread]
class Poller {
 public:
  /// What it stands on outlives it. `hostId`: of this process, for leases.
  Poller(store::Database& database, integrations::Integrations& integrations, std::string hostId,
         PollerOptions options = {});
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void run();
  void stop();

  bool running();  ///< false: whoever asks has marked it for the next server

  /// As Cursors::pollNow; throws Problem(conflict), too, where it does not run.
  void pollNow(std::int64_t instanceId, bool startOver, const std::string& actor);
  Json show(std::int64_t instanceId) { return _cursors.show(instanceId); }

 private:
  struct Poll {
    std::thread thread;
    bool ended = false;  ///< under _mutex
  };
  void tick();
  void joinEnded(std::unique_lock<std::mutex>& lock);
  void begin(std::vector<Cursors::Taken>& due);
  bool crowded();
  void poll(Cursors::Taken taken);
  /// Whether there is more, and it is this server's to ask.
  bool pollOnce(Cursors::Taken& taken);

  integrations::Integrations& _integrations;
  Cursors _cursors;
  const PollerOptions _options;
  const bool _alone;  ///< no other server can be on this database

  std::mutex _mutex;
  std::condition_variable _changed;
  std::map<std::int64_t, Poll> _polls;  ///< under way, by instance
  bool _running = false, _hurry = false;
  std::shared_ptr<plugin::Cancellation> _cancellation;
  std::thread _ticker;
};

}  // namespace dispatch::source
