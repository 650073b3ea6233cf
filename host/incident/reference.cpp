#include "incident/reference.hpp"

#include "base/base.hpp"
#include "incident/body.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dispatch::incident {
namespace {

const Json* objectIn(const Json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || found->is_null()) return nullptr;
  if (!found->is_object()) refuseField({key}, std::string(key) + " must be an object with a name");
  return &*found;
}

std::string namesOf(const store::Rows& rows) {
  std::string names;
  for (const store::Row& row : rows) names += (names.empty() ? "" : ", ") + row.text("name");
  return names.empty() ? "none" : names;
}

std::int64_t insertedOrFound(store::Session& session, const char* insert, const store::Values& values,
                             const char* find, const store::Values& keys) {
  session.execute(insert, values);
  const auto row = session.one(find, keys);
  if (!row) throw Problem(Problem::Kind::conflict, "Tags changed meanwhile; try again.");
  return row->integer("id");
}

std::int64_t resolveTagType(store::Session& session, const Project& project, const Json& tag) {
  const auto given = tag.find("tag_type");
  const bool named = given != tag.end() && given->is_object();
  if (named && given->contains("id") && (*given)["id"].is_number_integer())
    if (const auto row = session.one("SELECT id FROM tag_type WHERE id = ? AND project_id = ?",
                                     {(*given)["id"].get<std::int64_t>(), project.id}))
      return row->integer("id");
  const std::string name =
      named && !trimmed(textOr(*given, "name")).empty() ? trimmed(textOr(*given, "name")) : "Default";
  const std::string at = nowText();
  return insertedOrFound(session,
                         "INSERT INTO tag_type (organization_id, project_id, name, created_at, updated_at) "
                         "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                         {project.organizationId, project.id, name, at, at},
                         "SELECT id FROM tag_type WHERE project_id = ? AND name = ?", {project.id, name});
}

std::int64_t resolveTag(store::Session& session, const Project& project, const Json& tag, std::size_t index) {
  const std::string place = std::to_string(index);
  if (!tag.is_object()) refuseField({"tags", place}, "a tag must be an object with an id or a name");
  if (const auto id = tag.find("id"); id != tag.end() && id->is_number_integer()) {
    const auto row = session.one("SELECT id FROM tag WHERE id = ? AND project_id = ?",
                                 {id->get<std::int64_t>(), project.id});
    if (!row)
      refuseField({"tags", place, "id"},
                  "there is no tag with id " + id->dump() + " in project " + project.name);
    return row->integer("id");
  }
  const std::string name = trimmed(textOr(tag, "name"));
  if (name.empty()) refuseField({"tags", place, "name"}, "a tag needs an id or a name");
  if (name.size() > 255) refuseField({"tags", place, "name"}, "a tag's name may have at most 255 bytes");
  const bool typed = tag.contains("tag_type") && tag["tag_type"].is_object();
  if (!typed)
    if (const auto row = session.one(
            "SELECT id FROM tag WHERE project_id = ? AND name = ? ORDER BY id LIMIT 1", {project.id, name}))
      return row->integer("id");
  const std::int64_t type = resolveTagType(session, project, tag);
  const std::string at = nowText();
  return insertedOrFound(session,
                         "INSERT INTO tag (organization_id, project_id, tag_type_id, name, description, "
                         "source, uri, external_id, created_at, updated_at) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                         {project.organizationId, project.id, type, name, textOr(tag, "description"),
                          textOr(tag, "source"), textOr(tag, "uri"), textOr(tag, "external_id"), at, at},
                         "SELECT id FROM tag WHERE tag_type_id = ? AND name = ?", {type, name});
}

void refuseExclusive(store::Session& session, const std::vector<std::int64_t>& tags) {
  std::map<std::int64_t, std::string> first;
  for (const std::int64_t id : tags) {
    const auto row = session.one(
        "SELECT t.name, t.tag_type_id, tt.name AS type_name, tt.exclusive FROM tag t JOIN tag_type tt ON "
        "tt.id = t.tag_type_id WHERE t.id = ?",
        {id});
    if (!row || !row->boolean("exclusive")) continue;
    const auto [place, fresh] = first.emplace(row->integer("tag_type_id"), row->text("name"));
    if (!fresh)
      refuseField({"tags"}, "tag type " + row->text("type_name") + " is exclusive: choose one of " +
                                place->second + " and " + row->text("name"));
  }
}

}  // namespace

Project resolveProject(store::Session& session, std::int64_t organizationId, const Json& body) {
  constexpr const char* kColumns =
      "SELECT p.id, p.organization_id, p.name, p.slug, p.stable_priority_id, p.enabled, o.slug AS "
      "organization_slug FROM project p "
      "JOIN organization o ON o.id = p.organization_id WHERE p.organization_id = ? AND ";
  const Json* given = objectIn(body, "project");
  const std::string name = given ? trimmed(textOr(*given, "name")) : "";
  std::optional<store::Row> row;
  if (!name.empty()) {
    row = session.one(std::string(kColumns) + "p.name = ?", {organizationId, name});
    if (!row)
      refuseField({"project", "name"},
                  "there is no project \"" + name + "\"; there are " +
                      namesOf(session.query(
                          "SELECT name FROM project WHERE organization_id = ? ORDER BY name LIMIT 50",
                          {organizationId})));
  } else {
    row = session.one(std::string(kColumns) + "p.\"default\" = ? ORDER BY p.id LIMIT 1",
                      {organizationId, true});
    if (!row) refuseField({"project"}, "the organization has no default project: name one");
  }
  if (!row->boolean("enabled"))
    refuseField({"project", "name"}, "project \"" + row->text("name") + "\" is disabled; choose another one");
  return {row->integer("id"), row->integer("organization_id"), row->text("name"),
          row->text("slug"),  row->text("organization_slug"),  row->optionalInteger("stable_priority_id")};
}

store::Row resolveSetting(store::Session& session, const std::string& table, const char* key,
                          std::int64_t projectId, const Json& body, std::optional<std::int64_t> current) {
  const Json* given = objectIn(body, key);
  const std::string name = given ? trimmed(textOr(*given, "name")) : "";
  const std::string select = "SELECT * FROM " + table + " WHERE project_id = ? AND ";
  std::optional<store::Row> row;
  if (!name.empty()) {
    row = session.one(select + "name = ?", {projectId, name});
  } else if (given && given->contains("id") && (*given)["id"].is_number_integer()) {
    row = session.one(select + "id = ?", {projectId, (*given)["id"].get<std::int64_t>()});
  } else if (current) {
    row = session.one(select + "id = ?", {projectId, *current});
  } else {
    row =
        session.one(select + "\"default\" = ? AND enabled = ? ORDER BY id LIMIT 1", {projectId, true, true});
  }
  const bool accepted = row && (row->boolean("enabled") || (current && row->integer("id") == *current));
  if (accepted) return *row;
  const std::string names = namesOf(session.query(
      "SELECT name FROM " + table + " WHERE project_id = ? AND enabled = ? ORDER BY name LIMIT 50",
      {projectId, true}));
  if (row)
    refuseField({key, "name"},
                std::string(key) + " \"" + row->text("name") + "\" is disabled; there are " + names);
  if (given)
    refuseField({key, "name"},
                "there is no " + std::string(key) + " \"" + name + "\" in the project; there are " + names);
  refuseField({key}, "the project has no default " + std::string(key) +
                         (names == "none" ? ", and none that is enabled: an Admin enables one in the settings"
                                          : ": name one of " + names));
}

std::vector<std::int64_t> resolveTags(store::Session& session, const Project& project, const Json& body) {
  std::vector<std::int64_t> tags;
  const auto given = body.find("tags");
  if (given == body.end() || given->is_null()) return tags;
  if (!given->is_array()) refuseField({"tags"}, "tags must be a list");
  if (given->size() > 200) refuseField({"tags"}, "an incident may have at most 200 tags");
  std::set<std::int64_t> seen;
  for (std::size_t i = 0; i < given->size(); ++i) {
    const std::int64_t id = resolveTag(session, project, (*given)[i], i);
    if (seen.insert(id).second) tags.push_back(id);
  }
  refuseExclusive(session, tags);
  return tags;
}

PolicyAnswer resolvePolicy(store::Session& session, std::int64_t projectId, const std::string& role,
                           std::int64_t typeId, std::int64_t priorityId,
                           const std::vector<std::int64_t>& tags) {
  // A policy must name the type and the priority; tags in common only make it weigh more, then the lower
  // order wins.
  PolicyAnswer best;
  std::size_t most = 0;
  bool found = false;
  for (const store::Row& row :
       session.query("SELECT r.id, r.service_id, r.engage_next_oncall, ic.email, s.name AS service_name FROM "
                     "incident_role r LEFT JOIN "
                     "individual_contact ic ON ic.id = r.individual_id "
                     "LEFT JOIN service s ON s.id = r.service_id WHERE r.project_id = ? AND r.role = ? AND "
                     "r.enabled = ? "
                     "AND EXISTS (SELECT 1 FROM incident_role_incident_type t WHERE t.incident_role_id = "
                     "r.id AND t.incident_type_id = ?) "
                     "AND EXISTS (SELECT 1 FROM incident_role_incident_priority p WHERE p.incident_role_id = "
                     "r.id AND p.incident_priority_id = ?) "
                     "ORDER BY COALESCE(r.\"order\", 2147483647), r.id",
                     {projectId, role, true, typeId, priorityId})) {
    std::size_t common = 0;
    for (const store::Row& tag : session.query(
             "SELECT tag_id FROM incident_role_tag WHERE incident_role_id = ?", {row.integer("id")}))
      if (std::find(tags.begin(), tags.end(), tag.integer("tag_id")) != tags.end()) ++common;
    if (found && common <= most) continue;
    found = true;
    most = common;
    best = {row.text("email"), row.text("service_name"), row.optionalInteger("service_id").value_or(0),
            row.boolean("engage_next_oncall")};
  }
  return best;
}

}  // namespace dispatch::incident
