#include "api/resources/descriptions.hpp"
#include "api/shapes.hpp"

namespace dispatch::api {

using T = Field::Type;

namespace {

void presentPlugin(plugin::Catalog& catalog, Json& row) {
  const auto installed = catalog.find(textOr(row, "slug"));
  row["installed"] = installed.has_value();
  row["usable"] = installed && installed->usable;
  row["reason"] = !installed
                      ? "Its package is no longer on the search path; install it again or remove its rows."
                  : installed->usable ? ""
                                      : installed->reason;
  row["configuration_schema"] =
      installed && installed->usable ? installed->manifest.configurationSchema : Json::object();
  row["home"] = installed ? installed->home : "";
  row["permissions"] = installed ? installed->manifest.permissions : Json::object();
  row["trust"] = installed ? installed->trust.text() : "";
  row["state"] = row["usable"] == true ? "" : "broken";
}

/// Plugins of the whole installation are in no project: their state is told here. Those of a project have one
/// per instance.
void presentProviders(integrations::Integrations& integrations, std::vector<Json*>& rows) {
  const auto providers = integrations.authProviders();
  for (auto* row : rows) {
    const auto type = textOr(*row, "type");
    if (type != "auth-provider" && type != "secret-provider") continue;
    (*row)["state"] = (*row)["usable"] == true ? "available" : "broken";
    for (const auto& provider : providers)
      if (provider.instance && provider.instance->manifest().id == textOr(*row, "slug"))
        (*row)["state"] = "healthy";
  }
}

/// Instances name their plugin by slug, so that a package which is gone still has a title.
Json pluginBySlug(store::Session& session, plugin::Catalog& catalog, const std::string& slug) {
  const auto row = session.one(
      "SELECT id, title, slug, description, version, author, author_url, type, multiple FROM plugin WHERE "
      "slug = ?",
      {slug});
  if (!row) return nullptr;
  Json object = Json::object();
  for (std::size_t i = 0; i < row->size(); ++i) object[row->name(i)] = store::toJson(row->at(i));
  presentPlugin(catalog, object);
  return object;
}

}  // namespace

Resource describePlugin(integrations::Integrations& integrations, plugin::Catalog& catalog) {
  return {.model = "Plugin",
          .table = "plugin",
          .path = "plugins",
          .title = "plugin",
          .fields = {{.name = "title", .searchable = true, .notNull = true},
                     {.name = "slug", .searchable = true, .notNull = true},
                     {.name = "description", .searchable = true},
                     {.name = "version", .notNull = true},
                     {.name = "author", .notNull = true},
                     {.name = "author_url", .notNull = true},
                     {.name = "type", .searchable = true, .notNull = true},
                     {.name = "multiple", .type = T::boolean, .notNull = true}},
          .constants = {{"configuration_schema", Json::object()},
                        {"installed", false},
                        {"usable", false},
                        {"reason", ""},
                        {"state", ""},
                        {"home", ""},
                        {"permissions", Json::object()},
                        {"trust", ""}},
          .shapes = {{"configuration_schema", {{"type", "object"}}}, {"permissions", {{"type", "object"}}}},
          .operations = {.get = std::nullopt},
          .organizationColumn = "",
          .present = [&integrations, &catalog](store::Session&, std::int64_t, std::vector<Json*>& rows) {
            for (auto* row : rows) presentPlugin(catalog, *row);
            presentProviders(integrations, rows);
          }};
}

Resource describePluginInstance(integrations::Integrations& integrations, plugin::Catalog& catalog) {
  return {
      .model = "PluginInstance",
      .table = "plugin_instance",
      .title = "plugin instance",
      .fields = {{.name = "enabled", .type = T::boolean, .notNull = true},
                 {.name = "plugin_slug", .notNull = true}},
      .links = {{.name = "project", .resource = "Project", .column = "project_id", .notNull = true}},
      .relations = {{"plugin", "Plugin", "plugin_slug", "", "", "", {}, "slug"}},
      .constants = {{"plugin", nullptr},
                    {"state", ""},
                    {"reason", ""},
                    {"field_origins", Json::object()},
                    {"origin", "database"},
                    {"broken", false},
                    {"running", nullptr},
                    {"webhook", nullptr},
                    {"source", nullptr},
                    {"granted", nullptr},
                    {"configuration_schema", Json::object()}},
      .shapes = {{"plugin_slug", nullptr},
                 {"plugin", nullable(reference("PluginRead"))},
                 {"running", nullable(reference("Running"))},
                 {"webhook", nullable(reference("Webhook"))},
                 {"source", nullable(reference("Source"))},
                 {"granted", nullable(listOf(reference("Granted")))},
                 {"field_origins", {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}}},
                 {"configuration_schema", {{"type", "object"}}}},
      .present = [&integrations, &catalog](store::Session& session, std::int64_t, std::vector<Json*>& rows) {
        for (auto* row : rows) {
          const auto slug = textOr(*row, "plugin_slug");
          row->erase("plugin_slug");
          (*row)["plugin"] = pluginBySlug(session, catalog, slug);
          const auto enablement = integrations.get((*row)["id"].get<std::int64_t>());
          (*row)["state"] = enablement.state;
          (*row)["reason"] = enablement.reason;
          (*row)["origin"] = enablement.origin;
          (*row)["broken"] = enablement.state == "broken";
          const auto installed = catalog.find(enablement.pluginId);
          (*row)["configuration_schema"] =
              installed && installed->usable ? installed->manifest.configurationSchema : Json::object();
        }
      }};
}

}  // namespace dispatch::api
