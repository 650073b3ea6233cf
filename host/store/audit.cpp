#include "store/audit.hpp"

#include "base/base.hpp"

namespace dispatch::store {

void writeAudit(Session& session, const AuditEntry& entry) {
  session.insert("audit",
                 {{"organization_id", entry.organizationId == 0 ? Value() : Value(entry.organizationId)},
                  {"actor", entry.actor},
                  {"action", entry.action},
                  {"subject", entry.subject},
                  {"details", dumpJson(entry.details)},
                  {"created_at", entry.at.empty() ? nowText() : entry.at}});
}

}  // namespace dispatch::store
