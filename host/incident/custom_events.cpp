#include "base/base.hpp"
#include "incident/body.hpp"
#include "incident/incident.hpp"
#include "incident/people.hpp"
#include "incident/permissions.hpp"
#include "incident/timeline.hpp"

namespace dispatch::incident {
namespace {

Json detailsIn(const Json& body) {
  const auto given = body.find("details");
  if (given == body.end() || given->is_null()) return Json::object();
  if (!given->is_object()) refuseField({"details"}, "details must be an object");
  if (dumpJson(*given).size() > 65536) refuseField({"details"}, "details may have at most 65536 bytes");
  return *given;
}

std::optional<bool> pinnedIn(const Json& body) {
  const auto given = body.find("pinned");
  if (given == body.end() || given->is_null()) return std::nullopt;
  if (!given->is_boolean()) refuseField({"pinned"}, "pinned must be true or false");
  return given->get<bool>();
}

std::string projectNameOf(store::Session& session, std::int64_t incidentId, const std::string& email) {
  const auto row = session.one("SELECT project_id FROM incident WHERE id = ?", {incidentId});
  return row ? nameOf(session, row->integer("project_id"), email) : email;
}

/// The event within this incident and no other.
store::Row eventOf(store::Session& session, std::int64_t incidentId, const std::string& uuid) {
  const auto row =
      session.one("SELECT id, type, details, started_at FROM event WHERE uuid = ? AND incident_id = ?",
                  {uuid, incidentId});
  if (!row)
    throw Problem(Problem::Kind::notFound,
                  "Incident " + std::to_string(incidentId) + " has no timeline event " + uuid);
  return *row;
}

bool ofPeople(const store::Row& event) {
  return event.text("type") == event_type::kCustom || event.text("type") == "Imported message";
}

}  // namespace

void Incidents::addEvent(const auth::Principal& who, std::int64_t id, const Json& body) {
  const std::string description = requiredText(body, "description", 8192);
  const auto started = optionalInstant(body, "started_at");
  if (!started) refuseField({"started_at"}, "started_at is required");
  const auto ended = optionalInstant(body, "ended_at");
  if (ended && *ended < *started) refuseField({"ended_at"}, "ended_at is before started_at");
  Json details = detailsIn(body);
  const bool pinned = pinnedIn(body).value_or(false);
  _context.database.transact([&](store::Session& session) {
    requireTimeline(session, who, id);
    details["created_by"] = who.email;
    details["added_on"] = nowText();
    addToTimeline(session, who.organizationId, id,
                  {.description = description,
                   .type = event_type::kCustom,
                   .source = "Custom event",
                   .owner = projectNameOf(session, id, who.email),
                   .details = details,
                   .pinned = pinned,
                   .startedAt = *started,
                   .endedAt = ended.value_or(*started)});
  });
}

void Incidents::updateEvent(const auth::Principal& who, std::int64_t id, const Json& body) {
  const std::string uuid = requiredText(body, "uuid", 64);
  const auto description = optionalText(body, "description", 8192);
  if (description && description->empty()) refuseField({"description"}, "description must not be blank");
  const auto started = optionalInstant(body, "started_at");
  const auto ended = optionalInstant(body, "ended_at");
  const auto pinned = pinnedIn(body);
  const bool hasDetails = body.contains("details") && !body["details"].is_null();
  Json details = detailsIn(body);
  _context.database.transact([&](store::Session& session) {
    requireTimeline(session, who, id);
    const store::Row event = eventOf(session, id, uuid);
    std::vector<std::pair<std::string, store::Value>> columns;
    if (pinned) columns.emplace_back("pinned", *pinned);
    // What Dispatch itself recorded is a record: people may pin it, and not rewrite it.
    if (ofPeople(event)) {
      const std::string from = started.value_or(event.text("started_at"));
      if (ended && *ended < from) refuseField({"ended_at"}, "ended_at is before started_at");
      if (description) columns.emplace_back("description", *description);
      if (started) columns.emplace_back("started_at", *started);
      if (ended || started) columns.emplace_back("ended_at", ended.value_or(from));
      if (hasDetails) {
        const Json had = event.json("details");
        for (const char* kept : {"created_by", "added_on"})
          if (had.is_object() && had.contains(kept)) details[kept] = had[kept];
        details["updated_by"] = who.email;
        details["updated_on"] = nowText();
        columns.emplace_back("details", dumpJson(details));
      }
    } else if (!pinned) {
      throw Problem(Problem::Kind::conflict,
                    "Only events that people added can be changed; this one can be pinned.");
    }
    columns.emplace_back("updated_at", nowText());
    session.update("event", event.integer("id"), columns);
    session.publish({who.organizationId, "event", event.integer("id"), "updated", {{"incident_id", id}}});
  });
}

void Incidents::removeEvent(const auth::Principal& who, std::int64_t id, const std::string& uuid) {
  _context.database.transact([&](store::Session& session) {
    requireTimeline(session, who, id);
    const store::Row event = eventOf(session, id, uuid);
    if (!ofPeople(event))
      throw Problem(Problem::Kind::conflict, "Only events that people added can be deleted.");
    session.execute("DELETE FROM event WHERE id = ?", {event.integer("id")});
    session.publish({who.organizationId, "event", event.integer("id"), "deleted", {{"incident_id", id}}});
  });
}

}  // namespace dispatch::incident
