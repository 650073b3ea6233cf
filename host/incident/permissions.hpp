// Who may do what with an incident (docs/api.md, permissions).
#pragma once

#include "auth/auth.hpp"
#include "store/store.hpp"

#include <string>

namespace dispatch::incident {

/// How a caller stands to an incident of their organization.
struct Standing {
  bool exists = false, open = false, selfJoin = false;
  bool admin = false, commander = false, reporter = false, scribe = false, participant = false;

  bool mayView() const { return exists && (open || admin || commander || reporter || participant); }
  bool mayEdit() const { return exists && (admin || commander || reporter); }
  bool mayWriteTimeline() const { return mayEdit() || (exists && scribe); }
  bool mayJoin() const { return exists && (admin || (open && selfJoin)); }
};

Standing standing(store::Session& session, const auth::Principal& who, std::int64_t incidentId);

/// Throw Problem(forbidden); to Admins, who may know, a missing incident is Problem(notFound) where they mean
/// to change it.
void requireView(store::Session& session, const auth::Principal& who, std::int64_t incidentId);
void requireEdit(store::Session& session, const auth::Principal& who, std::int64_t incidentId);
void requireTimeline(store::Session& session, const auth::Principal& who, std::int64_t incidentId);
void requireJoin(store::Session& session, const auth::Principal& who, std::int64_t incidentId);

}  // namespace dispatch::incident
