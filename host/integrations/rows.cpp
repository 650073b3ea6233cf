#include "integrations/rows.hpp"

#include "base/base.hpp"

#include <algorithm>
#include <set>

namespace dispatch::integrations {

namespace {

constexpr std::string_view columns =
    "SELECT plugin_instance.id AS id, plugin_instance.organization_id AS organization_id, "
    "plugin_instance.project_id AS project_id,"
    " plugin_slug, plugin_instance.enabled AS enabled, configuration, config_revision, origin, "
    "last_tested_at,"
    " organization.slug AS organization, project.name AS project, plugin.title AS title, plugin.type AS type "
    "FROM plugin_instance"
    " JOIN project ON project.id = plugin_instance.project_id"
    " JOIN organization ON organization.id = plugin_instance.organization_id"
    " JOIN plugin ON plugin.slug = plugin_instance.plugin_slug";

InstanceRow read(const store::Row& row) {
  InstanceRow result;
  result.id = row.integer("id");
  result.organizationId = row.integer("organization_id");
  result.projectId = row.integer("project_id");
  result.pluginId = row.text("plugin_slug");
  result.organization = row.text("organization");
  result.project = row.text("project");
  result.pluginTitle = row.text("title");
  result.pluginType = row.text("type");
  result.enabled = row.boolean("enabled");
  result.fromFile = row.text("origin") == "file";
  result.configuration = row.json("configuration");
  if (!result.configuration.is_object()) result.configuration = Json::object();
  result.revision = static_cast<std::uint64_t>(row.integer("config_revision"));
  result.lastTestedAt = row.text("last_tested_at");
  return result;
}

}  // namespace

std::vector<InstanceRow> loadRows(store::Session& session) {
  std::vector<InstanceRow> rows;
  for (const auto& row : session.query(std::string(columns) + " ORDER BY plugin_instance.id"))
    rows.push_back(read(row));
  return rows;
}

std::optional<InstanceRow> loadRow(store::Session& session, std::int64_t id) {
  const auto row = session.one(std::string(columns) + " WHERE plugin_instance.id = ?", {id});
  return row ? std::optional(read(*row)) : std::nullopt;
}

bool belongsToProjects(const plugin::Installed& installed) {
  return installed.usable && installed.manifest.type != "auth-provider" &&
         installed.manifest.type != "secret-provider";
}

void lockRows(store::Session& session) {
  // "plugins" as a number; SQLite's transactions exclude each other anyway.
  if (session.dialect() == store::Dialect::postgresql)
    session.query("SELECT pg_advisory_xact_lock(31088026530931)");
}

void forgetNeverUsable(store::Session& session, const std::vector<plugin::Installed>& installed) {
  std::set<std::string> present;
  for (const auto& package : installed) present.insert(package.id);
  for (const auto& row : session.query("SELECT id, slug FROM plugin WHERE digest = '' AND NOT EXISTS"
                                       " (SELECT 1 FROM plugin_instance WHERE plugin_slug = plugin.slug)"))
    if (!present.contains(row.text("slug")))
      session.execute("DELETE FROM plugin WHERE id = ?", {row.integer("id")});
}

namespace {

/// What the table `plugin` tells of a package.
std::vector<std::pair<std::string, store::Value>> describe(const plugin::Installed& package) {
  const auto& manifest = package.manifest;
  return {{"title", manifest.title.empty() ? package.id : manifest.title},
          {"description", manifest.description},
          {"version", manifest.version},
          {"author", manifest.author},
          {"author_url", manifest.authorUrl},
          {"type", manifest.type},
          {"multiple", manifest.multiple},
          {"digest", package.usable ? package.digest : std::string()},
          {"updated_at", nowText()}};
}

}  // namespace

std::vector<std::string> storeCatalog(store::Session& session,
                                      const std::vector<plugin::Installed>& installed) {
  std::vector<std::string> firstSeen;
  for (const auto& package : installed) {
    if (package.notUsed) continue;
    const auto before = session.one("SELECT id, digest FROM plugin WHERE slug = ?", {package.id});
    const auto digest = before ? before->text("digest") : std::string();
    // One that cannot be used is listed with the others, and why not is the catalog's to tell; one that
    // served before keeps its row as it was.
    if (!package.usable && !digest.empty()) continue;
    if (package.usable && digest.empty()) firstSeen.push_back(package.id);
    if (before && package.usable && digest == package.digest) continue;
    auto values = describe(package);
    if (before) {
      session.update("plugin", before->integer("id"), values);
      continue;
    }
    values.push_back({"slug", package.id});
    values.push_back({"created_at", nowText()});
    session.insert("plugin", values);
  }
  return firstSeen;
}

void addMissingRows(store::Session& session, const std::vector<plugin::Installed>& installed,
                    std::int64_t organizationId, std::int64_t projectId,
                    const std::vector<std::string>& firstSeen) {
  std::set<std::string> present, servedTypes;
  for (const auto& row : session.query(
           "SELECT plugin_slug, enabled, type FROM plugin_instance JOIN plugin ON plugin.slug = plugin_slug"
           " WHERE project_id = ?",
           {projectId})) {
    present.insert(row.text("plugin_slug"));
    if (row.boolean("enabled")) servedTypes.insert(row.text("type"));
  }
  const bool fresh = present.empty();
  for (const auto& package : installed) {
    const auto& manifest = package.manifest;
    if (!belongsToProjects(package) || present.contains(manifest.id)) continue;
    if (!fresh && std::find(firstSeen.begin(), firstSeen.end(), manifest.id) == firstSeen.end())
      continue;  // taken out by somebody
    const bool enabled =
        fresh && manifest.enabledByDefault && (manifest.multiple || !servedTypes.contains(manifest.type));
    const auto id = session.insert("plugin_instance", {{"organization_id", organizationId},
                                                       {"project_id", projectId},
                                                       {"plugin_slug", manifest.id},
                                                       {"enabled", enabled},
                                                       {"config_revision", std::int64_t{1}},
                                                       {"origin", std::string("database")},
                                                       {"created_at", nowText()},
                                                       {"updated_at", nowText()}});
    if (enabled) servedTypes.insert(manifest.type);
    publishChange(session, organizationId, projectId, id, "created");
  }
}

std::map<std::int64_t, Declaration> placeDeclarations(
    store::Session& session, const std::vector<Declaration>& declarations,
    const std::function<void(const std::string&)>& complain) {
  std::map<std::int64_t, Declaration> placed;
  for (const auto& declaration : declarations) {
    const auto project = session.one(
        "SELECT project.id AS id, organization_id FROM project JOIN organization"
        " ON organization.id = organization_id WHERE project.name = ? AND organization.slug = ?",
        {declaration.project, declaration.organization});
    if (!project) {
      complain(declaration.origin + ": there is no project \"" + declaration.project +
               "\" in an organization \"" + declaration.organization + "\"; the plugin " +
               declaration.pluginId + " is not set up there");
      continue;
    }
    if (!session.one("SELECT id FROM plugin WHERE slug = ?", {declaration.pluginId})) {
      complain(declaration.origin + ": no plugin \"" + declaration.pluginId +
               "\" is installed; `dispatch plugins list` shows those that are");
      continue;
    }
    const auto projectId = project->integer("id");
    std::int64_t id = 0;
    for (const auto& row :
         session.query("SELECT id FROM plugin_instance WHERE project_id = ? AND plugin_slug = ?"
                       " ORDER BY CASE WHEN origin = 'file' THEN 0 ELSE 1 END, id",
                       {projectId, declaration.pluginId}))
      if (id == 0 && !placed.contains(row.integer("id"))) id = row.integer("id");
    if (id == 0) {
      id = session.insert("plugin_instance", {{"organization_id", project->integer("organization_id")},
                                              {"project_id", projectId},
                                              {"plugin_slug", declaration.pluginId},
                                              {"enabled", declaration.enabled},
                                              {"config_revision", std::int64_t{1}},
                                              {"origin", std::string("file")},
                                              {"created_at", nowText()},
                                              {"updated_at", nowText()}});
    }
    placed.emplace(id, declaration);
  }
  for (const auto& row :
       session.query("SELECT id, organization_id, project_id FROM plugin_instance WHERE origin = 'file'")) {
    const auto id = row.integer("id");
    if (placed.contains(id)) continue;
    session.execute(
        "UPDATE plugin_instance SET origin = 'database', enabled = ?,"
        " configuration = COALESCE(kept_configuration, configuration), kept_configuration = NULL,"
        " config_revision = config_revision + 1, updated_at = ? WHERE id = ?",
        {false, nowText(), id});
    audit(session, row.integer("organization_id"), "dispatch.yaml", "plugin.released", id,
          {{"enabled", false}});
    publishChange(session, row.integer("organization_id"), row.integer("project_id"), id, "updated");
  }
  return placed;
}

void audit(store::Session& session, std::int64_t organizationId, const std::string& actor,
           const std::string& action, std::int64_t instanceId, const Json& details) {
  store::writeAudit(
      session, {organizationId, actor, action, "plugin_instance:" + std::to_string(instanceId), details});
}

void publishChange(store::Session& session, std::int64_t organizationId, std::int64_t projectId,
                   std::int64_t instanceId, const std::string& change, const std::string& state) {
  Json data{{"project_id", projectId}};
  if (!state.empty()) data["state"] = state;
  session.publish({organizationId, "plugin_instance", instanceId, change, std::move(data)});
}

}  // namespace dispatch::integrations
