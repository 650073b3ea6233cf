#include "incident/resources.hpp"

#include "base/base.hpp"
#include "incident/timeline.hpp"

namespace dispatch::incident {
namespace {

Resource from(const store::Row& row) {
  Resource one;
  one.id = row.integer("id");
  one.resourceId = row.text("resource_id");
  one.name = row.text("name");
  one.weblink = row.text("weblink");
  one.email = row.text("email");
  one.challenge = row.text("challenge");
  one.pluginInstanceId = row.optionalInteger("plugin_instance_id");
  return one;
}

/// Where a kind is kept: a table with one row per incident, or a row that a column of the incident names.
struct Place {
  const char* table;
  const char* column;  ///< of incident; nullptr: the row names the incident, and there is one
};

Place placeOf(const ResourceKind& kind) {
  if (kind.member == &Resources::conversation) return {"conversation", nullptr};
  if (kind.member == &Resources::conference) return {"conference", nullptr};
  if (kind.member == &Resources::folder) return {"storage", nullptr};
  if (kind.member == &Resources::document) return {"document", "incident_document_id"};
  if (kind.member == &Resources::reviewDocument) return {"document", "incident_review_document_id"};
  if (kind.member == &Resources::tacticalGroup) return {"incident_group", "tactical_group_id"};
  if (kind.member == &Resources::notificationsGroup) return {"incident_group", "notifications_group_id"};
  throw std::logic_error(std::string("the ") + kind.title + " is kept elsewhere");
}

store::Value orNull(const std::string& text) { return text.empty() ? store::Value() : store::Value(text); }

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

const std::pair<const char*, Resource Resources::*> kRemembered[] = {
    {"ticket", &Resources::ticket},
    {"conversation", &Resources::conversation},
    {"conference", &Resources::conference},
    {"folder", &Resources::folder},
    {"document", &Resources::document},
    {"review_document", &Resources::reviewDocument},
    {"tactical_group", &Resources::tacticalGroup},
    {"notifications_group", &Resources::notificationsGroup}};

}  // namespace

Json Resource::reference() const {
  Json out{{"resource_id", resourceId}, {"name", name}, {"weblink", weblink}};
  if (!email.empty()) out["email"] = email;
  return out;
}

Resources readResources(store::Session& session, std::int64_t incidentId) {
  // One row per resource: what is not there has none.
  static const std::string sql =
      "SELECT 'ticket' AS place, t.id, t.resource_id, t.resource_id AS name, t.weblink, '' AS email, '' AS "
      "challenge, t.plugin_instance_id FROM ticket t WHERE t.incident_id = ? "
      "UNION ALL SELECT 'conversation', c.id, c.resource_id, c.name, c.weblink, '', '', c.plugin_instance_id "
      "FROM conversation c WHERE c.incident_id = ? "
      "UNION ALL SELECT 'conference', f.id, f.resource_id, '', f.weblink, '', f.conference_challenge, "
      "f.plugin_instance_id FROM conference f WHERE f.incident_id = ? "
      "UNION ALL SELECT 'folder', s.id, s.resource_id, s.name, s.weblink, '', '', s.plugin_instance_id "
      "FROM storage s WHERE s.incident_id = ? "
      "UNION ALL SELECT CASE WHEN d.id = i.incident_document_id THEN 'document' ELSE 'review_document' END, "
      "d.id, d.resource_id, d.name, d.weblink, '', '', d.plugin_instance_id FROM incident i JOIN document d "
      "ON d.id IN (i.incident_document_id, i.incident_review_document_id) WHERE i.id = ? "
      "UNION ALL SELECT CASE WHEN g.id = i.tactical_group_id THEN 'tactical_group' ELSE "
      "'notifications_group' END, g.id, g.resource_id, g.name, g.weblink, g.email, '', g.plugin_instance_id "
      "FROM incident i JOIN incident_group g ON g.id IN (i.tactical_group_id, i.notifications_group_id) "
      "WHERE i.id = ?";
  Resources all;
  for (const store::Row& row :
       session.query(sql, {incidentId, incidentId, incidentId, incidentId, incidentId, incidentId}))
    for (const auto& [key, member] : kRemembered)
      if (row.text("place") == key) all.*member = from(row);
  return all;
}

void keepResource(flow::StepContext& step, const Subject& subject, const ResourceKind& kind,
                  const Json& output) {
  const Place place = placeOf(kind);
  const std::string table = place.table, at = nowText();
  const std::string name = textOr(output, "name", subject.name);
  const std::string type = textOr(output, "resource_type");
  if (!place.column) {
    step.session.execute("DELETE FROM " + table + " WHERE incident_id = ?", {subject.id});
  } else if (const Resource before = readResources(step.session, subject.id).*kind.member; before.id != 0) {
    step.session.execute("DELETE FROM " + table + " WHERE id = ?", {before.id});
  }
  std::vector<std::pair<std::string, store::Value>> columns{
      {"organization_id", subject.organizationId},
      {"incident_id", subject.id},
      {"resource_type", orNull(type.empty() ? slugOf(step) : type)},
      {"resource_id", textOr(output, "resource_id")},
      {"weblink", textOr(output, "weblink")},
      {"plugin_instance_id", step.pluginInstanceId && *step.pluginInstanceId
                                 ? store::Value(*step.pluginInstanceId)
                                 : store::Value()},
      {"created_at", at},
      {"updated_at", at}};
  if (table == "conference") {
    columns.emplace_back("conference_id", textOr(output, "resource_id"));
    columns.emplace_back("conference_challenge", orNull(textOr(output, "challenge")));
  } else {
    columns.emplace_back("name", name);
  }
  if (table == "conversation") columns.emplace_back("channel_id", textOr(output, "resource_id"));
  if (table == "incident_group") columns.emplace_back("email", textOr(output, "email"));
  if (table == "document") columns.emplace_back("project_id", subject.projectId);
  const std::int64_t id = step.session.insert(table, columns);
  if (place.column) step.session.update("incident", subject.id, {{place.column, id}});
  addToTimeline(step.session, subject.organizationId, subject.id,
                {.description = capitalized(kind.title) + " created" +
                                (table == "conference" ? std::string() : ": " + name),
                 .source = answeredBy(step),
                 .details = output});
  publishIncident(step.session, subject.organizationId, subject.id, "updated");
}

std::vector<std::pair<std::string, std::string>> linksOf(const Resources& resources) {
  const std::pair<const char*, Resource Resources::*> named[] = {
      {"Ticket", &Resources::ticket},
      {"Incident document", &Resources::document},
      {"Review document", &Resources::reviewDocument},
      {"Conference", &Resources::conference},
      {"Conversation", &Resources::conversation},
      {"Storage", &Resources::folder}};
  std::vector<std::pair<std::string, std::string>> links;
  for (const auto& [title, member] : named)
    if (const Resource& one = resources.*member; one && !one.weblink.empty())
      links.emplace_back(title, one.weblink);
  return links;
}

Json rememberResources(const Resources& resources) {
  Json all = Json::object();
  for (const auto& [key, member] : kRemembered) {
    const Resource& one = resources.*member;
    if (!one) continue;
    all[key] = one.reference();
    all[key]["plugin_instance_id"] = one.pluginInstanceId ? Json(*one.pluginInstanceId) : Json();
  }
  return all;
}

Resource rememberedResource(const Json& flowInput, const std::string& key) {
  const Json all = flowInput.value("resources", Json::object());
  const Json one = all.value(key, Json::object());
  Resource resource;
  resource.resourceId = textOr(one, "resource_id");
  resource.name = textOr(one, "name");
  resource.weblink = textOr(one, "weblink");
  resource.email = textOr(one, "email");
  const auto maker = one.find("plugin_instance_id");
  if (maker != one.end() && maker->is_number_integer())
    resource.pluginInstanceId = maker->get<std::int64_t>();
  return resource;
}

std::string answeredBy(flow::StepContext& step) {
  if (!step.pluginInstanceId) return kHostSource;
  const auto row = step.session.one(
      "SELECT p.title FROM plugin_instance i JOIN plugin p ON p.slug = i.plugin_slug WHERE i.id = ?",
      {*step.pluginInstanceId});
  return row ? row->text("title") : kHostSource;
}

std::string slugOf(flow::StepContext& step) {
  if (!step.pluginInstanceId) return "";
  const auto row =
      step.session.one("SELECT plugin_slug FROM plugin_instance WHERE id = ?", {*step.pluginInstanceId});
  return row ? row->text("plugin_slug") : "";
}

}  // namespace dispatch::incident
