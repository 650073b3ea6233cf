#pragma once

#include "auth/principal.hpp"
#include "store/store.hpp"

#include <string_view>

namespace dispatch::auth {

/// Fills organization and role of a principal whose user is known. Throws Problem: notFound for an unknown
/// organization, forbidden for a user who is no member of it.
void fillMembership(store::Session& session, Principal& principal, std::string_view organizationSlug);

}  // namespace dispatch::auth
