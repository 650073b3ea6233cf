#pragma once

#include "auth/principal.hpp"
#include "config/config.hpp"
#include "store/store.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace dispatch::auth {

/// Browser sessions: an opaque 256-bit id in a cookie, its hash in the database, idle and absolute limits.
/// [any-thread]
class Sessions {
 public:
  Sessions(store::Database& database, std::chrono::seconds idle, std::chrono::seconds absolute);

  struct Started {
    std::string token;  ///< for the cookie; never stored
    std::string csrfToken;
  };
  Started start(std::int64_t userId, const std::string& userAgent, const std::string& address);
  /// The session's principal in the organization; nullopt: unknown, expired, deactivated. Throws
  /// Problem(forbidden) if the user is no member of the organization. Moves last_seen_at at most once a
  /// minute. Answers come from a short cache: authorising costs no query on most requests, and changes of
  /// roles, membership or activity empty it at once (also across hosts, by events).
  std::optional<Principal> find(std::string_view token, std::string_view organizationSlug);
  void end(std::string_view token);
  void endAll(std::int64_t userId, std::int64_t exceptSessionId = 0);

 private:
  struct State;
  std::shared_ptr<State> _state;
};

/// The original's bearer token: HS256 (or 384, 512 by DISPATCH_JWT_ALG) with `email` and `exp`, verified
/// strictly (RFC 8725): one algorithm, exp required. [any-thread]
class BearerTokens {
 public:
  BearerTokens(store::Database& database, config::SecretText secret, const std::string& algorithm,
               std::chrono::seconds lifetime);

  std::string issue(std::int64_t userId, const std::string& email);
  /// nullopt with `reason` for the log: malformed, other algorithm, bad signature, expired, unknown or
  /// deactivated user, issued before the user's sessions were last ended.
  std::optional<Principal> verify(std::string_view token, std::string_view organizationSlug,
                                  std::string& reason);

 private:
  struct State;
  std::shared_ptr<State> _state;
};

}  // namespace dispatch::auth
