#pragma once

#include "store/database.hpp"

#include <cstdint>
#include <string>

namespace dispatch::store {

/// A line of the audit: who did what, and to what.
struct AuditEntry {
  std::int64_t organizationId = 0;  ///< 0: it concerns none in particular
  std::string actor;                ///< an e-mail address, "plugin:<id>", the file or the command that did it
  std::string action;               ///< "user.role", "plugin.reloaded", …
  std::string subject;              ///< "<table>:<row id>" where it is a row
  Json details = Json::object();
  std::string at = {};  ///< RFC 3339, UTC; empty: now
};

/// Within the caller's transaction, so that what was done and its line come or go together.
void writeAudit(Session& session, const AuditEntry& entry);

}  // namespace dispatch::store
