#include "auth/audit.hpp"

namespace dispatch::auth {

void auditUser(store::Session& session, store::Value organizationId, std::string_view actor,
               std::string_view email, const char* action, std::int64_t userId, const Json& details) {
  session.insert("audit", {{"organization_id", std::move(organizationId)},
                           {"actor", std::string(actor.empty() ? email : actor)},
                           {"action", std::string(action)},
                           {"subject", "dispatch_user:" + std::to_string(userId)},
                           {"details", dumpJson(details)},
                           {"created_at", nowText()}});
}

}  // namespace dispatch::auth
