#include "incident/timeline.hpp"

#include "base/base.hpp"

namespace dispatch::incident {

void addToTimeline(store::Session& session, std::int64_t organizationId, std::int64_t incidentId,
                   const TimelineEvent& event) {
  const std::string at = nowText();
  const std::string started = event.startedAt.empty() ? at : event.startedAt;
  const std::int64_t id = session.insert(
      "event", {{"organization_id", organizationId},
                {"uuid", randomUuid()},
                {"started_at", started},
                {"ended_at", event.endedAt.empty() ? started : event.endedAt},
                {"source", event.source},
                {"description", event.description},
                {"details", event.details.is_null() ? store::Value() : store::Value(dumpJson(event.details))},
                {"type", event.type},
                {"owner", event.owner.empty() ? store::Value() : store::Value(event.owner)},
                {"pinned", event.pinned},
                {"incident_id", incidentId},
                {"created_at", at},
                {"updated_at", at}});
  session.publish({organizationId, "event", id, "created", {{"incident_id", incidentId}}});
}

void publishIncident(store::Session& session, std::int64_t organizationId, std::int64_t incidentId,
                     const char* change) {
  session.publish({organizationId, "incident", incidentId, change, {{"incident_id", incidentId}}});
}

}  // namespace dispatch::incident
