#include "incident/subject.hpp"

#include "base/base.hpp"

namespace dispatch::incident {

std::optional<Subject> readSubject(store::Session& session, std::int64_t incidentId, bool lock) {
  std::string sql =
      "SELECT i.id, i.organization_id, i.project_id, i.version, i.name, i.title, i.description, "
      "i.resolution, i.summary, i.status, "
      "i.visibility, i.kind, i.reported_at, i.stable_at, i.closed_at, i.commander_id, i.reporter_id, "
      "i.incident_type_id, i.incident_priority_id, i.incident_severity_id, "
      "o.slug AS organization_slug, p.name AS project_name, p.display_name, p.stable_priority_id, "
      "t.name AS type_name, t.plugin_metadata, pr.name AS priority_name, s.name AS severity_name, "
      "ci.email AS commander_email, ci.name AS commander_name, ri.email AS reporter_email, ri.name AS "
      "reporter_name, "
      "tk.resource_id AS ticket_id, tk.weblink AS ticket_weblink, tk.plugin_instance_id AS ticket_plugin "
      "FROM incident i JOIN organization o ON o.id = i.organization_id JOIN project p ON p.id = i.project_id "
      "JOIN incident_type t ON t.id = i.incident_type_id JOIN incident_priority pr ON pr.id = "
      "i.incident_priority_id "
      "JOIN incident_severity s ON s.id = i.incident_severity_id "
      "LEFT JOIN participant c ON c.id = i.commander_id LEFT JOIN individual_contact ci ON ci.id = "
      "c.individual_contact_id "
      "LEFT JOIN participant r ON r.id = i.reporter_id LEFT JOIN individual_contact ri ON ri.id = "
      "r.individual_contact_id "
      "LEFT JOIN ticket tk ON tk.incident_id = i.id WHERE i.id = ?";
  if (lock && session.dialect() == store::Dialect::postgresql) {
    // Locked by itself first: a join that waited for the lock would show what was joined before the wait.
    if (!session.one("SELECT id FROM incident WHERE id = ? FOR UPDATE", {incidentId})) return std::nullopt;
  }
  const auto row = session.one(sql, {incidentId});
  if (!row) return std::nullopt;
  Subject subject;
  subject.id = row->integer("id");
  subject.organizationId = row->integer("organization_id");
  subject.projectId = row->integer("project_id");
  subject.version = row->integer("version");
  subject.name = row->text("name");
  subject.title = row->text("title");
  subject.description = row->text("description");
  subject.resolution = row->text("resolution");
  subject.summary = row->text("summary");
  subject.status = row->text("status");
  subject.visibility = row->text("visibility");
  subject.kind = row->text("kind");
  subject.organizationSlug = row->text("organization_slug");
  subject.projectName = row->text("project_name");
  subject.projectTitle = row->text("display_name").empty() ? subject.projectName : row->text("display_name");
  subject.type = {row->integer("incident_type_id"), row->text("type_name")};
  subject.priority = {row->integer("incident_priority_id"), row->text("priority_name")};
  subject.severity = {row->integer("incident_severity_id"), row->text("severity_name")};
  subject.typeMetadata = row->text("plugin_metadata");
  subject.stablePriorityId = row->optionalInteger("stable_priority_id");
  subject.reportedAt = row->text("reported_at");
  subject.stableAt = row->optionalText("stable_at");
  subject.closedAt = row->optionalText("closed_at");
  subject.commanderId = row->optionalInteger("commander_id");
  subject.reporterId = row->optionalInteger("reporter_id");
  subject.commanderEmail = row->text("commander_email");
  subject.commanderName =
      row->text("commander_name").empty() ? subject.commanderEmail : row->text("commander_name");
  subject.reporterEmail = row->text("reporter_email");
  subject.reporterName =
      row->text("reporter_name").empty() ? subject.reporterEmail : row->text("reporter_name");
  subject.ticketId = row->text("ticket_id");
  subject.ticketWeblink = row->text("ticket_weblink");
  subject.ticketPluginInstanceId = row->optionalInteger("ticket_plugin");
  for (const store::Row& tag : session.query("SELECT t.id, t.name FROM incident_tag it JOIN tag t ON t.id = "
                                             "it.tag_id WHERE it.incident_id = ? ORDER BY t.name, t.id",
                                             {incidentId}))
    subject.tags.push_back({tag.integer("id"), tag.text("name")});
  return subject;
}

std::string weblinkOf(const Subject& subject, const std::string& uiUrl) {
  return uiUrl + "/" + subject.organizationSlug + "/incidents/" + subject.name;
}

Json incidentForPlugins(const Subject& subject, const std::string& uiUrl) {
  Json tags = Json::array();
  for (const Named& tag : subject.tags) tags.push_back(tag.name);
  return {{"id", subject.id},
          {"name", subject.name},
          {"title", subject.restricted() ? subject.type.name : subject.title},
          {"description", subject.restricted() ? subject.type.name : subject.description},
          {"status", subject.status},
          {"visibility", subject.visibility},
          {"type", subject.type.name},
          {"severity", subject.severity.name},
          {"priority", subject.priority.name},
          {"project", subject.projectName},
          {"organization", subject.organizationSlug},
          {"tags", std::move(tags)},
          {"reported_at", subject.reportedAt},
          {"weblink", weblinkOf(subject, uiUrl)}};
}

Json metadataFor(const Subject& subject, const std::string& slug) {
  Json result = Json::object();
  const Json all = Json::parse(subject.typeMetadata, nullptr, false);
  if (!all.is_array()) return result;
  for (const Json& one : all) {
    if (!one.is_object() || textOr(one, "slug") != slug) continue;
    const auto pairs = one.find("metadata");
    if (pairs == one.end() || !pairs->is_array()) continue;
    for (const Json& pair : *pairs)
      if (pair.is_object() && !textOr(pair, "key").empty())
        result[textOr(pair, "key")] = pair.value("value", Json());
  }
  return result;
}

}  // namespace dispatch::incident
