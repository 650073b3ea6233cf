#include "incident/permissions.hpp"

#include "base/base.hpp"
#include "incident/incident.hpp"

namespace dispatch::incident {
namespace {

/// Somebody takes part while they hold a role. Closing an incident ends all roles at once, and those it ended
/// still may look.
constexpr const char* kTakesPart =
    "r.renounced_at IS NULL OR r.renounced_at = (SELECT closed_at FROM incident closed WHERE closed.id = "
    "p.incident_id)";

[[noreturn]] void refuseView(std::int64_t id) {
  throw Problem(Problem::Kind::forbidden,
                "No incident with id " + std::to_string(id) + " exists, or you may not see it");
}

void requireChange(const Standing& standing, bool may, std::int64_t id, const char* who) {
  if (may) return;
  if (!standing.exists && standing.admin)
    throw Problem(Problem::Kind::notFound, "No incident with id " + std::to_string(id) + " exists");
  if (!standing.mayView()) refuseView(id);
  throw Problem(Problem::Kind::forbidden,
                std::string("Only ") + who + " may do this with incident " + std::to_string(id));
}

}  // namespace

Standing standing(store::Session& session, const auth::Principal& who, std::int64_t incidentId) {
  Standing result;
  result.admin = who.atLeast(auth::Role::admin);
  const auto row = session.one(
      "SELECT i.visibility, p.allow_self_join, i.commander_id, i.reporter_id FROM incident i JOIN project p "
      "ON p.id = i.project_id "
      "WHERE i.id = ? AND i.organization_id = ?",
      {incidentId, who.organizationId});
  if (!row) return result;
  result.exists = true;
  result.open = row->text("visibility") == "Open";
  result.selfJoin = row->boolean("allow_self_join");
  for (const store::Row& part :
       session.query(std::string("SELECT p.id, r.role FROM participant p JOIN individual_contact ic ON ic.id "
                                 "= p.individual_contact_id "
                                 "JOIN participant_role r ON r.participant_id = p.id AND (") +
                         kTakesPart + ") WHERE p.incident_id = ? AND lower(ic.email) = lower(?)",
                     {incidentId, who.email})) {
    result.participant = true;
    result.scribe |= part.text("role") == "Scribe";
    result.commander |= part.integer("id") == row->integer("commander_id");
    result.reporter |= part.integer("id") == row->integer("reporter_id");
  }
  return result;
}

void requireView(store::Session& session, const auth::Principal& who, std::int64_t incidentId) {
  if (!standing(session, who, incidentId).mayView()) refuseView(incidentId);
}

void requireEdit(store::Session& session, const auth::Principal& who, std::int64_t incidentId) {
  const Standing found = standing(session, who, incidentId);
  requireChange(found, found.mayEdit(), incidentId, "its commander, its reporter and Admins");
}

void requireTimeline(store::Session& session, const auth::Principal& who, std::int64_t incidentId) {
  const Standing found = standing(session, who, incidentId);
  requireChange(found, found.mayWriteTimeline(), incidentId,
                "its commander, its reporter, its scribe and Admins");
}

void requireJoin(store::Session& session, const auth::Principal& who, std::int64_t incidentId) {
  const Standing found = standing(session, who, incidentId);
  if (found.mayJoin()) return;
  if (!found.mayView()) refuseView(incidentId);
  throw Problem(Problem::Kind::forbidden, "People do not join incident " + std::to_string(incidentId) +
                                              " themselves: ask its commander to add you");
}

bool Incidents::mayView(store::Session& session, const auth::Principal& who, std::int64_t id) {
  return standing(session, who, id).mayView();
}
bool Incidents::mayEdit(store::Session& session, const auth::Principal& who, std::int64_t id) {
  return standing(session, who, id).mayEdit();
}

store::Condition Incidents::visibility(const auth::Principal& who) {
  if (who.atLeast(auth::Role::admin)) return {"1 = 1", {}};
  return {std::string("(incident.visibility = 'Open' OR EXISTS (SELECT 1 FROM participant p JOIN "
                      "individual_contact ic ON ic.id = p.individual_contact_id "
                      "JOIN participant_role r ON r.participant_id = p.id AND (") +
              kTakesPart + ") WHERE p.incident_id = incident.id AND lower(ic.email) = lower(?)))",
          {who.email}};
}

}  // namespace dispatch::incident
