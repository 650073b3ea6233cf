#pragma once

#include "config/config.hpp"
#include "plugin/plugin.hpp"
#include "store/store.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::webhook {

/// How a delivery stands: "running" (a host has it, under a lease), "waiting" (for its next attempt), and the
/// ends: "done", "refused" (by the plugin), "duplicate" (of one with the same delivery id), "failed" (given
/// up).
namespace state {
inline constexpr const char* kRunning = "running";
inline constexpr const char* kWaiting = "waiting";
inline constexpr const char* kDone = "done";
inline constexpr const char* kRefused = "refused";
inline constexpr const char* kDuplicate = "duplicate";
inline constexpr const char* kFailed = "failed";
}  // namespace state

/// How an attempt ended.
struct Ending {
  std::string state;
  int responseStatus = 0;      ///< what the sender got, or would have; 0 = none yet
  std::string reason;          ///< for the operator; "" where there is nothing to say
  std::string nextTryAt = {};  ///< where state is "waiting"
};

/// The rows of webhook_delivery. A row belongs to whoever holds its lease; the request in it is sealed, for
/// its headers carry credentials, and goes once the delivery has ended. [any-thread]
class Deliveries {
 public:
  struct Taken {
    std::int64_t id = 0, instanceId = 0;
    plugin::WebhookRequest request;
  };

  /// Both outlive it. `owner` is this host's name in leases.
  Deliveries(store::Database& database, const config::Envelope& envelope, std::string owner,
             std::chrono::milliseconds lease)
      : _database(database), _envelope(envelope), _owner(std::move(owner)), _lease(lease) {}

  /// Commits a request, under this host's lease or, without `take`, for whoever comes. Answers its id.
  std::int64_t add(std::int64_t organizationId, std::int64_t instanceId,
                   const plugin::WebhookRequest& request, bool take);
  /// How many of the instance wait for an attempt.
  std::int64_t waiting(std::int64_t instanceId);

  /// Those that are due, and those whose host is gone, now under this host's lease, the oldest first; of each
  /// instance at most `most`, less what it `has`. One whose request cannot be opened, or that had `attempts`
  /// and told of no end, fails with the reason.
  std::vector<Taken> takeDue(int most, const std::map<std::int64_t, int>& has, int attempts);
  void extendLeases(const std::vector<std::int64_t>& ids);
  /// On SQLite, at start: there is one server, so what was running is nobody's.
  void takeBackAll(int attempts);

  /// The id by the sender's count is this delivery's from now on; nothing if it was free, else the one that
  /// has it. Throws Problem(unavailable) where the lease was lost meanwhile: another host has it in hand.
  struct Holder {
    std::int64_t id = 0;
    std::string state;
    int responseStatus = 0;
  };
  std::optional<Holder> claim(std::int64_t id, std::int64_t instanceId, const std::string& deliveryId);

  /// Ends an attempt. Does nothing where the lease was lost meanwhile.
  void end(std::int64_t id, const Ending& ending);

  /// [{id, delivery_id, method, path, peer_address, body_bytes, state, attempt, next_try_at, response_status,
  /// reason, received_at, finished_at, retryable}], the newest first.
  Json list(std::int64_t instanceId, int most = 50);
  /// A person wants another attempt now. Throws Problem: notFound, or conflict where it has ended well or is
  /// under way.
  void retry(std::int64_t instanceId, std::int64_t id, const std::string& actor);

 private:
  std::optional<Taken> take(std::int64_t id, const std::string& due, const std::string& moment);
  void giveUp(int attempts, const std::string& leasesUntil);

  store::Database& _database;
  const config::Envelope& _envelope;
  const std::string _owner;
  const std::chrono::milliseconds _lease;
};

/// Removes what ended more than 30 days ago; of the refused, which anybody with the address can cause, those
/// older than a day, and all but the newest 1,000 of an instance. Answers how many.
std::int64_t removeOldDeliveries(store::Database& database);

}  // namespace dispatch::webhook
