#pragma once

#include "config/config.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dispatch::webhook {

/// The address of an instance is its token: 256 random bits, at rest as a digest and sealed with the
/// operator's key, so that a copy of the database opens no door. [any-thread]
class Endpoints {
 public:
  /// Both outlive it.
  Endpoints(store::Database& database, const config::Envelope& envelope)
      : _database(database), _envelope(envelope) {}

  /// The path below the server's own address: /api/v1/default/events/alertmanager/…; made at the first
  /// question. Throws Problem(notFound), or Problem(invalid) where the operator's key is another one.
  std::string path(std::int64_t instanceId);

  /// Another address; the former one is unknown from now on, and nothing of it is kept.
  std::string rotate(std::int64_t instanceId, const std::string& actor);

  struct Found {
    std::int64_t instanceId = 0, organizationId = 0;
  };
  /// The enabled instance of this plugin that has the token; nothing says why there is none.
  std::optional<Found> find(std::int64_t organizationId, const std::string& pluginId, std::string_view token);

 private:
  std::string store(store::Session& session, std::int64_t instanceId, std::int64_t organizationId);

  store::Database& _database;
  const config::Envelope& _envelope;
};

}  // namespace dispatch::webhook
