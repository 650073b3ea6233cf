#pragma once

#include "auth/login.hpp"
#include "store/store.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace dispatch::auth {

/// Ways in without any auth provider: an operator on the machine makes a link, its holder is logged in by it,
/// once. A random 256-bit token, of which the database has the hash; made and used, both are audited.
/// [any-thread]
class LoginLinks {
 public:
  static constexpr std::chrono::minutes longest{24 * 60};

  explicit LoginLinks(store::Database& database) : _database(database) {}

  /// Takes back the links that the person had. Throws Problem(notFound) for an unknown address or one that is
  /// no member of the organization, Problem(invalid) for a deactivated one or a lifetime that is not within
  /// (0, longest]; each with what to do.
  std::string make(std::string_view email, std::string_view organizationSlug, std::chrono::minutes lifetime,
                   std::string_view actor);
  /// Throws Problem(unauthorized) for one that is unknown, used, expired, or of another organization.
  Admission redeem(std::string_view token, std::int64_t organizationId, const std::string& address);

 private:
  store::Database& _database;
};

}  // namespace dispatch::auth
