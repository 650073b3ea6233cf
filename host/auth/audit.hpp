#pragma once

#include "base/base.hpp"
#include "store/store.hpp"

#include <cstdint>
#include <string_view>

namespace dispatch::auth {

/// An audit row about a user, in the caller's transaction. `actor`: who did it; empty = the person
/// themselves, `email`. `organizationId`: 0 where it concerns none in particular.
void auditUser(store::Session& session, std::int64_t organizationId, std::string_view actor,
               std::string_view email, const char* action, std::int64_t userId, const Json& details);

}  // namespace dispatch::auth
