#include "base/base.hpp"
#include "incident/incident.hpp"
#include "incident/permissions.hpp"

namespace dispatch::incident {
namespace {

/// The step must be one of this incident's: the caller's permission is about the incident.
void requireStep(store::Database& database, const auth::Principal& who, std::int64_t id,
                 std::int64_t stepId) {
  const auto session = database.session();
  requireEdit(*session, who, id);
  const auto row = session->one(
      "SELECT s.id FROM flow_step s JOIN flow f ON f.id = s.flow_id WHERE s.id = ? AND f.subject_type = "
      "'incident' "
      "AND f.subject_id = ? AND f.organization_id = ?",
      {stepId, id, who.organizationId});
  if (!row)
    throw Problem(Problem::Kind::notFound,
                  "Incident " + std::to_string(id) + " has no step " + std::to_string(stepId));
}

}  // namespace

void Incidents::retryStep(const auth::Principal& who, std::int64_t id, std::int64_t stepId) {
  requireStep(_context.database, who, id, stepId);
  _context.engine.retry(stepId, who.email);
}

void Incidents::skipStep(const auth::Principal& who, std::int64_t id, std::int64_t stepId) {
  requireStep(_context.database, who, id, stepId);
  _context.engine.skip(stepId, who.email);
}

void Incidents::confirmStep(const auth::Principal& who, std::int64_t id, std::int64_t stepId) {
  requireStep(_context.database, who, id, stepId);
  _context.engine.confirmSent(stepId, who.email);
}

void Incidents::recreateResources(const auth::Principal& who, std::int64_t id) {
  {
    const auto session = _context.database.session();
    requireView(*session, who, id);
  }
  _context.engine.retryMissing("incident", id, who.email);
}

Json Incidents::steps(const auth::Principal& who, std::int64_t id) {
  const auto session = _context.database.session();
  requireView(*session, who, id);
  return {{"flows", _context.engine.describe(*session, "incident", id)}};
}

}  // namespace dispatch::incident
