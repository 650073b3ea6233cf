#include "auth/generation.hpp"

#include <atomic>

namespace dispatch::auth {

namespace {
std::atomic<std::uint64_t> current{1};
}

std::uint64_t generation() { return current.load(std::memory_order_acquire); }

void nextGeneration() { current.fetch_add(1, std::memory_order_acq_rel); }

void publishAccess(store::Session& session, std::int64_t organizationId, const char* subject,
                   std::int64_t userId) {
  session.afterCommit([] { nextGeneration(); });
  session.publish({organizationId, subject, userId, "updated", {{"user_id", userId}}});
}

store::EventBus::Subscription followAccess(store::Database& database) {
  return database.events().subscribe([](const store::Event& event) {
    if (event.subject == "user_organization" || event.subject == "dispatch_user" ||
        event.subject == "session" || event.subject == "organization" || event.subject == "*")
      nextGeneration();
  });
}

}  // namespace dispatch::auth
