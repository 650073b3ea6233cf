#include "base/base.hpp"
#include "incident/body.hpp"
#include "incident/changes.hpp"
#include "incident/flows.hpp"
#include "incident/incident.hpp"
#include "incident/people.hpp"
#include "incident/reference.hpp"
#include "incident/timeline.hpp"

namespace dispatch::incident {
namespace {

/// What a report says, checked as far as that goes without the database.
struct Report {
  std::string title, description, resolution, status, visibility, kind;
  std::optional<std::string> reporter, commander;
};

Report read(const Json& body, const std::string& caller, Findings& check) {
  if (!body.is_object()) refuseField({}, "the body must be an object");
  Report report;
  report.title = check([&] { return requiredText(body, "title", 512); });
  report.description = check([&] { return requiredText(body, "description"); });
  report.resolution = check([&] { return optionalText(body, "resolution"); }).value_or("");
  report.status = check([&] {
                    return optionalChoice(body, "status", {"Active", "Stable", "Closed"});
                  }).value_or("Active");
  report.visibility = check([&] {
                        return optionalChoice(body, "visibility", {"Open", "Restricted"});
                      }).value_or("");
  report.kind = check([&] {
                  return optionalChoice(body, "kind", {"real", "test", "drill", "backfilled"});
                }).value_or("real");
  report.reporter = check([&] { return personIn(body, "reporter"); });
  // A plugin that reports by itself is nobody who could be asked.
  if (!report.reporter && !caller.empty())
    report.reporter = check([&] { return checkedEmail(caller, {"reporter"}); });
  const auto email = check([&] { return optionalText(body, "commander_email"); });
  if (email && !email->empty())
    report.commander = check([&] { return checkedEmail(*email, {"commander_email"}); });
  if (!report.commander) report.commander = check([&] { return personIn(body, "commander"); });
  return report;
}

/// The people an incident begins with. Answers the roles for which a policy names a service, [{role,
/// service_id, engage_next}]: who is on call is asked by the flow. Where no plugin could be asked, that goes
/// on the timeline.
Json seatPeople(store::Session& session, const Project& project, std::int64_t incidentId,
                const Report& report, std::int64_t typeId, std::int64_t priorityId,
                const std::vector<std::int64_t>& tags) {
  const auto individual = [&](const std::string& email) {
    return findOrAddIndividual(session, project.organizationId, project.id, email).id;
  };
  const std::int64_t reporter = report.reporter ? individual(*report.reporter) : 0;
  if (report.reporter) seat(session, project.organizationId, incidentId, reporter, role::kReporter);
  Json onCall = Json::array();
  std::vector<std::string> unanswered;
  const bool asked = session
                         .one(
                             "SELECT i.id FROM plugin_instance i JOIN plugin p ON p.slug = i.plugin_slug "
                             "WHERE i.project_id = ? AND i.enabled = ? AND p.type = 'oncall' LIMIT 1",
                             {project.id, true})
                         .has_value();
  const auto byPolicy = [&](const char* name) {
    const PolicyAnswer answer = resolvePolicy(session, project.id, name, typeId, priorityId, tags);
    if (answer.email.empty() && answer.serviceId != 0) {
      onCall.push_back(
          {{"role", name}, {"service_id", answer.serviceId}, {"engage_next", answer.engageNext}});
      if (!asked)
        unanswered.push_back(std::string("The ") + name + " would be on call for service \"" +
                             answer.service + "\", which no on-call plugin can be asked about");
    }
    return answer.email;
  };
  std::string commander = report.commander.value_or("");
  if (commander.empty()) commander = byPolicy(role::kCommander);
  if (commander.empty() && !report.reporter)
    commander =
        session.one("SELECT owner_email FROM project WHERE id = ?", {project.id})->text("owner_email");
  if (!commander.empty() || report.reporter)
    seat(session, project.organizationId, incidentId, commander.empty() ? reporter : individual(commander),
         role::kCommander);
  else
    addToTimeline(
        session, project.organizationId, incidentId,
        {.description = "Nobody is the Incident Commander yet: no policy names one, and the project "
                        "has no owner. Give the role to somebody",
         .type = event_type::kParticipantUpdated});
  for (const char* name : {role::kLiaison, role::kScribe})
    if (const std::string email = byPolicy(name); !email.empty())
      seat(session, project.organizationId, incidentId, individual(email), name);
  for (const std::string& text : unanswered)
    addToTimeline(session, project.organizationId, incidentId,
                  {.description = text, .type = event_type::kParticipantUpdated});
  return onCall;
}

}  // namespace

Incidents::Incidents(Context context) : _context(std::move(context)) {}

std::int64_t createIncident(const Context& context, store::Session& session, const auth::Principal& who,
                            const Json& body) {
  Findings check;
  const Report report = read(body, who.email, check);
  const auto found = check([&] { return std::optional(resolveProject(session, who.organizationId, body)); });
  const auto chosen = [&](const char* table) {
    return check([&] { return std::optional(resolveSetting(session, table, table, found->id, body)); });
  };
  std::optional<store::Row> chosenType, chosenSeverity, chosenPriority;
  std::vector<std::int64_t> tags;
  if (found) {
    chosenType = chosen("incident_type");
    chosenSeverity = chosen("incident_severity");
    chosenPriority = chosen("incident_priority");
    tags = check([&] { return resolveTags(session, *found, body); });
  }
  check.refuse();
  const Project& project = *found;
  const store::Row &type = *chosenType, &severity = *chosenSeverity;
  const std::int64_t priorityId = report.status == "Stable" && project.stablePriorityId
                                      ? *project.stablePriorityId
                                      : chosenPriority->integer("id");
  const std::string at = nowText();
  const bool ended = report.status == "Closed";
  const std::int64_t id = session.insert(
      "incident",
      {{"organization_id", project.organizationId},
       {"project_id", project.id},
       {"title", report.title},
       {"description", report.description},
       {"resolution", report.resolution.empty() ? store::Value() : store::Value(report.resolution)},
       {"status", report.status},
       {"visibility", report.visibility.empty() ? type.text("visibility") : report.visibility},
       {"kind", report.kind},
       {"reported_at", at},
       {"stable_at", report.status == "Active" ? store::Value() : store::Value(at)},
       {"closed_at", ended ? store::Value(at) : store::Value()},
       {"incident_type_id", type.integer("id")},
       {"incident_priority_id", priorityId},
       {"incident_severity_id", severity.integer("id")},
       {"created_at", at},
       {"updated_at", at}});
  // The name needs the id, and nothing else: no plugin can leave an incident nameless.
  session.update(
      "incident", id,
      {{"name", "dispatch-" + project.organizationSlug + "-" + project.slug + "-" + std::to_string(id)}});
  for (const std::int64_t tag : tags)
    session.execute("INSERT INTO incident_tag (incident_id, tag_id) VALUES (?, ?)", {id, tag});
  Json onCall = seatPeople(session, project, id, report, type.integer("id"), priorityId, tags);

  const auto subject = readSubject(session, id);
  addToTimeline(session, project.organizationId, id,
                {.description = "Incident created",
                 .source = sourceOf(who),
                 .owner = authorOf(session, project.id, who),
                 .details = {{"title", subject->title},
                             {"description", subject->description},
                             {"type", subject->type.name},
                             {"severity", subject->severity.name},
                             {"priority", subject->priority.name},
                             {"status", subject->status},
                             {"visibility", subject->visibility}},
                 .pinned = true});
  if (ended) endAllRoles(session, *subject, at);
  startFlow(context, session, *subject, ended ? "incident.create.closed" : "incident.create",
            {{"actor", actorOf(who)}, {"oncall", std::move(onCall)}});
  publishIncident(session, project.organizationId, id, "created");
  flow::failPoint("incident.before_commit", "create");
  return id;
}

std::int64_t Incidents::create(const auth::Principal& who, const Json& body) {
  return _context.database.transactReturning<std::int64_t>(
      [&](store::Session& session) { return createIncident(_context, session, who, body); });
}

}  // namespace dispatch::incident
