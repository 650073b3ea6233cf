// dispatch.event/1: each type is one change that its actor could make, and nothing else.
#include "base/base.hpp"
#include "incident/body.hpp"
#include "incident/changes.hpp"
#include "incident/flows.hpp"
#include "incident/permissions.hpp"

#include <algorithm>
#include <functional>

namespace dispatch::incident {
namespace {

using plugin::Event;
using plugin::Scope;

void checkMembers(const Event& event, std::initializer_list<std::string_view> known) {
  for (const auto& member : event.data.items())
    if (std::find(known.begin(), known.end(), member.key()) == known.end()) {
      std::string names;
      for (const auto name : known) names += (names.empty() ? "" : ", ") + std::string(name);
      refuseField({member.key()}, event.type + " has no member \"" + member.key() + "\"; there are " + names);
    }
}

/// The plugin, for a member of the organization or by itself.
auth::Principal principalOf(store::Session& session, const Scope& scope, const Event& event) {
  const auto row = session.one(
      "SELECT p.title, o.slug FROM plugin_instance i JOIN plugin p ON p.slug = i.plugin_slug "
      "JOIN organization o ON o.id = i.organization_id WHERE i.id = ?",
      {scope.instanceId});
  if (!row)
    throw Problem(Problem::Kind::forbidden, "Plugin instance " + std::to_string(scope.instanceId) +
                                                " is not there any more, and may do nothing.");
  auth::Principal who;
  who.plugin = row->text("title");
  who.organizationId = scope.organizationId;
  who.organizationSlug = row->text("slug");
  if (event.actor.empty()) return who;
  const auto member = session.one(
      "SELECT u.id, u.email, m.role FROM dispatch_user u JOIN user_organization m ON m.user_id = u.id "
      "WHERE m.organization_id = ? AND lower(u.email) = lower(?) AND u.is_active = ?",
      {scope.organizationId, event.actor, true});
  if (!member)
    throw Problem(Problem::Kind::forbidden,
                  "Nobody with the address " + event.actor + " is an active member of the organization " +
                      who.organizationSlug + ".",
                  {"actor"});
  who.userId = member->integer("id");
  who.email = member->text("email");
  who.role = auth::parseRole(member->text("role")).value_or(auth::Role::member);
  return who;
}

/// The incident that `subject` means: by the key of its report, or, for a member, by its name.
Subject subjectOf(store::Session& session, const Scope& scope, const auth::Principal& who,
                  const Event& event) {
  std::optional<std::int64_t> id;
  if (const auto row = session.one(
          "SELECT incident_id FROM plugin_event WHERE plugin_instance_id = ? AND \"key\" = ? AND type = "
          "'incident.report'",
          {scope.instanceId, event.subject}))
    id = row->optionalInteger("incident_id");
  else if (!event.actor.empty())
    if (const auto named = session.one("SELECT id FROM incident WHERE project_id = ? AND name = ?",
                                       {scope.projectId, event.subject}))
      id = named->integer("id");
  // What its actor may not see is not there.
  auto subject = id && (event.actor.empty() || standing(session, who, *id).mayView())
                     ? readSubject(session, *id, true)
                     : std::nullopt;
  if (!subject)
    throw Problem(
        Problem::Kind::notFound,
        "This plugin has reported no incident under the key \"" + event.subject.substr(0, 100) + "\".",
        {"subject"});
  return std::move(*subject);
}

std::int64_t makeReport(const Context& context, store::Session& session, const Scope& scope,
                        const auth::Principal& who, const Event& event) {
  checkMembers(event, {"title", "description", "started_at", "incident_type", "incident_priority",
                       "incident_severity", "kind"});
  if (!event.subject.empty()) refuseField({"subject"}, "a report has no subject: it makes one");
  optionalInstant(event.data, "started_at");
  Json body{
      {"project",
       {{"name", session.one("SELECT name FROM project WHERE id = ?", {scope.projectId})->text("name")}}}};
  for (const char* key : {"title", "description", "kind"})
    if (event.data.contains(key)) body[key] = event.data[key];
  for (const char* key : {"incident_type", "incident_priority", "incident_severity"})
    if (const auto name = optionalText(event.data, key, 255); name && !name->empty())
      body[key] = {{"name", *name}};
  return createIncident(context, session, who, body);
}

void setStatus(const Context& context, store::Session& session, const auth::Principal& who,
               const Subject& subject, const Event& event) {
  checkMembers(event, {"status"});
  requiredText(event.data, "status");
  if (!who.email.empty()) requireEdit(session, who, subject.id);
  optionalChoice(event.data, "status", {"Active", "Stable", "Closed"});
  // What people closed is for people to open again.
  if (!subject.closed()) changeIncident(context, session, who, subject, event.data);
}

void addNote(store::Session& session, const auth::Principal& who, const Subject& subject,
             const Event& event) {
  checkMembers(event, {"description", "started_at"});
  const std::string text = requiredText(event.data, "description", 8192);
  const auto started = optionalInstant(event.data, "started_at");
  if (!who.email.empty()) requireTimeline(session, who, subject.id);
  addToTimeline(session, subject.organizationId, subject.id,
                {.description = text,
                 .source = sourceOf(who),
                 .owner = authorOf(session, subject.projectId, who),
                 .startedAt = started.value_or("")});
}

void joinPerson(const Context& context, store::Session& session, const auth::Principal& who,
                const Subject& subject, const Event& event) {
  checkMembers(event, {"email"});
  const std::string email = checkedEmail(requiredText(event.data, "email"), {"email"});
  const bool themselves = !who.email.empty() && checkedEmail(who.email, {"actor"}) == email;
  if (themselves)
    requireJoin(session, who, subject.id);
  else if (!who.email.empty())
    requireEdit(session, who, subject.id);
  bringIn(context, session, who, subject, email, themselves ? role::kObserver : role::kParticipant);
}

void releasePerson(const Context& context, store::Session& session, const auth::Principal& who,
                   const Subject& subject, const Event& event) {
  checkMembers(event, {"email"});
  const std::string email = checkedEmail(requiredText(event.data, "email"), {"email"});
  if (!who.email.empty() && checkedEmail(who.email, {"actor"}) != email)
    requireEdit(session, who, subject.id);
  const auto person = findPerson(session, subject.id, email);
  if (person && person->active()) takeOut(context, session, who, subject, email);
}

/// True where the key is taken by this transaction; false where it is somebody's already.
bool takeKey(store::Session& session, const Scope& scope, const Event& event) {
  return session.execute(
             "INSERT INTO plugin_event (organization_id, plugin_instance_id, \"key\", type, actor, "
             "created_at) "
             "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
             {scope.organizationId, scope.instanceId, event.key, event.type,
              event.actor.empty() ? store::Value() : store::Value(event.actor), nowText()}) > 0;
}

store::Row keyed(store::Session& session, const Scope& scope, const Event& event) {
  auto row = session.one(
      "SELECT e.id, e.type, e.incident_id, i.name, i.status, i.closed_at FROM plugin_event e LEFT JOIN "
      "incident i "
      "ON i.id = e.incident_id WHERE e.plugin_instance_id = ? AND e.\"key\" = ?",
      {scope.instanceId, event.key});
  if (!row)
    throw Problem(Problem::Kind::unavailable, "The event's key changed meanwhile; submit it again.")
        .withRetryAfter(1000);
  return std::move(*row);
}

/// A report of something that began after its incident was closed: the key stands for another one from now
/// on.
bool beginsAnew(store::Session& session, const Event& event, const store::Row& before) {
  if (event.type != "incident.report" || before.text("status") != "Closed") return false;
  const auto started = optionalInstant(event.data, "started_at");
  if (!started || *started <= before.text("closed_at")) return false;
  const std::string id = std::to_string(before.integer("id"));
  return session.execute("UPDATE plugin_event SET \"key\" = ? WHERE id = ? AND \"key\" = ?",
                         {event.key + " (until " + id + ")", before.integer("id"), event.key}) > 0;
}

Json answer(const store::Row& row, bool duplicate) {
  Json result{{"id", std::to_string(row.integer("id"))}, {"duplicate", duplicate}};
  if (row.optionalInteger("incident_id"))
    result["incident"] = {
        {"id", row.integer("incident_id")}, {"name", row.text("name")}, {"status", row.text("status")}};
  return result;
}

}  // namespace

Json Incidents::submit(const Scope& scope, const Event& event) {
  if (scope.projectId == 0)
    throw Problem(Problem::Kind::invalid,
                  "A plugin of the whole host belongs to no project and has no events.");
  if (event.key.empty() || event.key.size() > 500)
    refuseField({"deduplication_key"}, "a de-duplication key has 1 to 500 bytes");
  return _context.database.transactReturning<Json>([&](store::Session& session) {
    const auth::Principal who = principalOf(session, scope, event);
    if (!takeKey(session, scope, event)) {
      const store::Row before = keyed(session, scope, event);
      if (before.text("type") != event.type)
        refuseField({"deduplication_key"},
                    "the key was used for an event of the type " + before.text("type"));
      if (!beginsAnew(session, event, before) || !takeKey(session, scope, event)) return answer(before, true);
    }
    std::int64_t incidentId = 0;
    if (event.type == "incident.report") {
      incidentId = makeReport(_context, session, scope, who, event);
    } else {
      const Subject subject = subjectOf(session, scope, who, event);
      incidentId = subject.id;
      if (event.type == "incident.update")
        setStatus(_context, session, who, subject, event);
      else if (event.type == "timeline.note")
        addNote(session, who, subject, event);
      else if (event.type == "participant.join")
        joinPerson(_context, session, who, subject, event);
      else if (event.type == "participant.leave")
        releasePerson(_context, session, who, subject, event);
      else
        refuseField({"type"}, "there is no event of the type \"" + event.type + "\"");
    }
    session.execute("UPDATE plugin_event SET incident_id = ? WHERE plugin_instance_id = ? AND \"key\" = ?",
                    {incidentId, scope.instanceId, event.key});
    flow::failPoint("incident.before_commit", "submit");
    return answer(keyed(session, scope, event), false);
  });
}

}  // namespace dispatch::incident
