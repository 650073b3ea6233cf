#include "auth/audit.hpp"

namespace dispatch::auth {

void auditUser(store::Session& session, std::int64_t organizationId, std::string_view actor,
               std::string_view email, const char* action, std::int64_t userId, const Json& details) {
  store::writeAudit(session, {organizationId, std::string(actor.empty() ? email : actor), action,
                              "dispatch_user:" + std::to_string(userId), details});
}

}  // namespace dispatch::auth
