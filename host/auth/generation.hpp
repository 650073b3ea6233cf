#pragma once

#include "store/store.hpp"

#include <cstdint>

namespace dispatch::auth {

/// Counts every change in this process of who may do what. What was remembered under another number is asked
/// again: so a role taken away is gone when the call that took it returns, without waiting for an event.
/// [any-thread]
std::uint64_t generation();
void nextGeneration();

/// After the surrounding transaction: the next generation here, an event for everybody else.
void publishAccess(store::Session& session, std::int64_t organizationId, const char* subject,
                   std::int64_t userId);

/// Moves to the next generation whenever another host changed something; until released.
store::EventBus::Subscription followAccess(store::Database& database);

}  // namespace dispatch::auth
