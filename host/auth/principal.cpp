#include "auth/principal.hpp"

namespace dispatch::auth {

std::optional<Role> parseRole(std::string_view text) {
  for (const auto role : {Role::member, Role::admin, Role::manager, Role::owner})
    if (toText(role) == text) return role;
  return std::nullopt;
}

std::string_view toText(Role role) {
  switch (role) {
    case Role::admin:
      return "Admin";
    case Role::manager:
      return "Manager";
    case Role::owner:
      return "Owner";
    case Role::member:
      break;
  }
  return "Member";
}

}  // namespace dispatch::auth
