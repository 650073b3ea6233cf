#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dispatch::auth {

/// Ascending power; the original's names.
enum class Role { member, admin, manager, owner };

std::optional<Role> parseRole(std::string_view text);  ///< "Member", "Admin", "Manager", "Owner"; exact
std::string_view toText(Role role);

/// The person (or script) behind a request, in the organization of its path.
struct Principal {
  std::int64_t userId = 0;
  std::string email;
  std::int64_t organizationId = 0;
  std::string organizationSlug;
  Role role = Role::member;
  std::int64_t sessionId = 0;  ///< 0: bearer token
  /// Title of the plugin that acts (dispatch.event/1): for `email`, or by itself where that is empty.
  std::string plugin;
  std::string csrfToken;  ///< of the session; unsafe methods must send it as X-CSRF-Token

  bool atLeast(Role wanted) const { return role >= wanted; }
};

}  // namespace dispatch::auth
