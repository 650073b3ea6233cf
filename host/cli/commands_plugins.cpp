#include "base/base.hpp"
#include "cli/commands.hpp"
#include "cli/crash_report.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

namespace dispatch::cli {

namespace {

using integrations::Enablement;

struct Place {
  std::int64_t organizationId = 0, projectId = 0;
};

/// "default/default, …": projects to choose from.
std::string knownProjects(store::Session& session) {
  std::string known;
  for (const auto& found :
       session.query("SELECT project.name AS name, organization.slug AS slug FROM project JOIN organization"
                     " ON organization.id = organization_id ORDER BY slug, name LIMIT 20"))
    known += (known.empty() ? "" : ", ") + found.text("slug") + "/" + found.text("name");
  return known.empty() ? "none yet" : known;
}

/// `organization`: slug, or "" for any.
void needProject(store::Database& database, const std::string& organization, const std::string& project) {
  const auto session = database.session();
  if (session->one(
          "SELECT project.id AS id FROM project JOIN organization ON organization.id = organization_id"
          " WHERE project.name = ? AND (organization.slug = ? OR ? = '')",
          {project, organization, organization}))
    return;
  throw Problem(Problem::Kind::notFound,
                "There is no project \"" + project + "\"" +
                    (organization.empty() ? "" : " in an organization \"" + organization + "\"") +
                    "; there is " + knownProjects(*session));
}

Place placeOf(store::Database& database, const Json& args) {
  const auto organization = textOr(args, "organization", "default"),
             project = textOr(args, "project", "default");
  const auto session = database.session();
  const auto row = session->one(
      "SELECT project.id AS id, organization_id FROM project JOIN organization ON organization.id = "
      "organization_id"
      " WHERE organization.slug = ? AND project.name = ?",
      {organization, project});
  if (row) return {row->integer("organization_id"), row->integer("id")};
  throw Problem(Problem::Kind::notFound, "There is no project \"" + project + "\" in an organization \"" +
                                             organization + "\"; there is " + knownProjects(*session));
}

Json describe(const Enablement& enablement) {
  return {{"instance", enablement.id},
          {"id", enablement.pluginId},
          {"organization", enablement.organization},
          {"project", enablement.project},
          {"enabled", enablement.enabled},
          {"state", enablement.state},
          {"reason", enablement.reason},
          {"origin", enablement.origin},
          {"type", enablement.type},
          {"version", enablement.version},
          {"title", enablement.title}};
}

Json describeInFull(const Enablement& enablement) {
  Json all = describe(enablement);
  all["configuration"] = enablement.configuration;
  all["set_by_environment"] = enablement.fieldOrigins;
  all["last_tested_at"] = enablement.lastTestedAt.empty() ? Json() : Json(enablement.lastTestedAt);
  if (!enablement.trial.is_null()) all["trial"] = enablement.trial;
  if (!enablement.lastTrial.is_null()) all["last_trial"] = enablement.lastTrial;
  return all;
}

plugin::Installed installedOf(plugin::Catalog& catalog, const std::string& id) {
  if (auto installed = catalog.find(id)) return *installed;
  std::set<std::string> ids;  // several versions of one may lie side by side
  for (const auto& package : catalog.list()) ids.insert(package.id);
  std::string known;
  for (const auto& one : ids) known += (known.empty() ? "" : ", ") + one;
  throw Problem(Problem::Kind::notFound,
                "No plugin \"" + id + "\" is installed; installed are " + (known.empty() ? "none" : known));
}

/// The one row that the arguments mean; nullopt if the project has none of this plugin.
std::optional<Enablement> rowOf(CommandContext& context, const Json& args) {
  auto& integrations = context.installation.integrations();
  if (args.contains("instance")) return integrations.get(args["instance"].get<std::int64_t>());
  const auto place = placeOf(context.installation.database(), args);
  const auto id = textOr(args, "id");
  std::vector<Enablement> found;
  for (auto& enablement : integrations.list(place.organizationId, place.projectId))
    if (enablement.pluginId == id) found.push_back(std::move(enablement));
  if (found.empty()) return std::nullopt;
  if (found.size() > 1) {
    std::string numbers;
    for (const auto& enablement : found)
      numbers += (numbers.empty() ? "" : ", ") + std::to_string(enablement.id);
    throw Problem(Problem::Kind::conflict, "The project has the plugin " + id +
                                               " several times; say which one with --instance (" + numbers +
                                               ")");
  }
  return found.front();
}

Problem unknownName(const std::string& what, const std::string& name, const Json& properties) {
  std::vector<std::string> names;
  std::string known;
  for (const auto& [one, property] : properties.items()) {
    names.push_back(one);
    known += (known.empty() ? "" : ", ") + one;
  }
  return Problem(Problem::Kind::invalid, what + " \"" + name + "\"" + config::didYouMean(name, names) +
                                             "; it has " + (known.empty() ? "none" : known));
}

/// {"key": "text"} of the command line as the schema's types, over what is set now.
Json configurationOf(const plugin::Manifest& manifest, const Json& present, const Json& args) {
  Json configuration = present;
  const Json& schema = manifest.configurationSchema;
  const Json properties = schema.is_object() ? schema.value("properties", Json::object()) : Json::object();
  const auto need = [&](const std::string& key) -> const Json& {
    if (const auto found = properties.find(key); found != properties.end()) return *found;
    throw unknownName("The plugin " + manifest.id + " has no setting", key, properties);
  };
  const Json set = args.value("set", Json::object());  // items() refers to it
  for (const auto& [key, value] : set.items())
    configuration[key] = integrations::fromText(need(key), value.get<std::string>(), key);
  for (const auto& key : args.value("unset", Json::array())) {
    const auto name = key.get<std::string>();
    if (need(name).value("x-dispatch-secret", false)) {
      configuration[name] = "";
    } else {
      configuration.erase(name);
    }
  }
  return configuration;
}

Json listPlugins(CommandContext& context, const Json& args) {
  auto& installation = context.installation;
  auto& integrations = installation.integrations();
  std::vector<std::int64_t> organizations;
  const auto slug = textOr(args, "organization");
  for (const auto& row :
       installation.database().session()->query("SELECT id, slug FROM organization ORDER BY slug"))
    if (slug.empty() || row.text("slug") == slug) organizations.push_back(row.integer("id"));
  if (organizations.empty())
    throw Problem(Problem::Kind::notFound, "There is no organization \"" + slug + "\"");
  Json list = Json::array();
  std::vector<std::string> shown;
  const auto project = textOr(args, "project");
  if (!project.empty()) needProject(installation.database(), slug, project);
  for (const auto organization : organizations)
    for (const auto& enablement : integrations.list(organization, std::nullopt)) {
      if (!project.empty() && enablement.project != project) continue;
      list.push_back(describe(enablement));
      shown.push_back(enablement.pluginId);
    }
  // What crashed says so, and what runs without a signature, wherever nothing else is to be said.
  for (auto& entry : list)
    if (const auto package = installation.catalog().find(textOr(entry, "id"))) {
      entry["trust"] = package->trust.text();
      if (textOr(entry, "reason").empty()) entry["reason"] = recentCrash(installation, *package);
      if (textOr(entry, "reason").empty() && !package->trust.isSigned)
        entry["reason"] = package->trust.text();
    }
  const auto chosen = installation.settings().list("DISPATCH_AUTHENTICATION_PROVIDER_SLUG");
  for (const auto& package : installation.catalog().list()) {
    if (!package.notUsed && std::find(shown.begin(), shown.end(), package.id) != shown.end()) continue;
    const bool serves = std::find(chosen.begin(), chosen.end(), package.id) != chosen.end() ||
                        installation.settings().text("SECRET_PROVIDER") == package.id;
    list.push_back({{"instance", nullptr},
                    {"id", package.id},
                    {"organization", "*"},
                    {"project", "*"},
                    {"enabled", serves && !package.notUsed},
                    {"state", package.notUsed   ? "not used"
                              : !package.usable ? "broken"
                              : serves          ? "healthy"
                                                : "available"},
                    {"reason", !package.reason.empty() || package.trust.isSigned ? package.reason
                                                                                 : package.trust.text()},
                    {"trust", package.trust.text()},
                    {"origin", serves && !package.notUsed ? "settings" : ""},
                    {"type", package.manifest.type},
                    {"version", package.manifest.version},
                    {"title", package.manifest.title}});
  }
  if (chosen.empty()) return list;
  for (const auto& provider : integrations.authProviders())
    for (auto& entry : list) {
      if (entry["project"] != "*" || entry["state"] == "not used") continue;
      const auto id = textOr(entry, "id");
      if (provider.instance && provider.instance->manifest().id == id) {
        const auto now = integrations::conditionOf(*provider.instance);
        entry["state"] = now.state;
        if (!now.reason.empty()) entry["reason"] = now.reason;
      } else if (!provider.instance && provider.reason.find(' ' + id + ' ') != std::string::npos) {
        entry["state"] = entry["state"] == "broken" ? "broken" : "degraded";
        entry["reason"] = provider.reason;
      }
    }
  return list;
}

/// Where other systems reach the instance `id`: `path` of its endpoint behind the server's address.
std::string webhookUrl(CommandContext& context, const std::string& path) {
  return context.installation.settings().text("DISPATCH_UI_URL") + path;
}

/// When it was at work in a process of Dispatch that crashed, however long ago; null: never.
Json crashedText(const Installation& installation, const std::string& id) {
  const auto crash = plugin::CrashHistory(installation.crashDirectory()).lastOf(id);
  if (!crash) return {};
  return toText(crash->at) + ": " + crash->atWork() + ", " + crash->how();
}

/// Without secrets.
Json providerConfiguration(CommandContext& context, const plugin::Manifest& manifest) {
  auto& secrets = context.installation.secrets();
  return integrations::hostConfiguration(manifest, context.installation.settings(),
                                         [&](const std::string& name, const std::string& stored) {
                                           return secrets.resolve(name, stored);
                                         })
      .value;
}

Json showPlugin(CommandContext& context, const Json& args) {
  const auto installed = installedOf(context.installation.catalog(), textOr(args, "id"));
  const auto& manifest = installed.manifest;
  Json fields = Json::array();
  const Json& schema = manifest.configurationSchema;
  const Json required = schema.is_object() ? schema.value("required", Json::array()) : Json::array();
  if (schema.is_object() && schema.contains("properties"))
    for (const auto& [name, property] : schema["properties"].items()) {
      fields.push_back(
          {{"name", name},
           {"type", property.value("x-dispatch-secret", false) ? Json("secret")
                    : property.contains("enum")                ? property["enum"]
                                                               : property.value("type", Json("text"))},
           {"required", std::find(required.begin(), required.end(), Json(name)) != required.end()},
           {"default", property.value("default", Json())},
           {"description", textOr(property, "description", textOr(property, "title"))},
           {"variable", integrations::variableOf(installed.id, name)},
           {"order", property.value("x-dispatch-order", 1000)}});
    }
  std::stable_sort(fields.begin(), fields.end(),
                   [](const Json& a, const Json& b) { return a["order"] < b["order"]; });
  for (auto& field : fields) field.erase("order");
  Json instances = Json::array();
  auto& integrations = context.installation.integrations();
  const auto& yaml = context.installation.settings().yaml();
  for (const auto& row :
       context.installation.database().session()->query("SELECT id FROM organization ORDER BY slug"))
    for (const auto& enablement : integrations.list(row.integer("id"), std::nullopt)) {
      if (enablement.pluginId != installed.id) continue;
      instances.push_back(describeInFull(enablement));
      instances.back()["granted"] = plugin::describeGranted(manifest, enablement.configuration, yaml);
      if (manifest.permissions.value("webhook", false))
        instances.back()["webhook_url"] =
            webhookUrl(context, context.rooms().inbox().endpoints().path(enablement.id));
      if (const auto source = context.rooms().poller().show(enablement.id); !source.is_null())
        instances.back()["source"] = source;
      if (const auto serving = integrations.byId(enablement.id); serving.instance)
        instances.back()["running"] = integrations::describeRunning(*serving.instance);
    }
  for (const auto& provider : integrations.authProviders())
    if (provider.instance && provider.instance->manifest().id == installed.id) {
      const auto now = integrations::conditionOf(*provider.instance);
      instances.push_back(
          {{"project", "*"},
           {"state", now.state},
           {"reason", now.reason},
           {"granted", plugin::describeGranted(manifest, providerConfiguration(context, manifest), yaml)},
           {"running", integrations::describeRunning(*provider.instance)}});
    }
  return {{"id", installed.id},
          {"title", manifest.title},
          {"description", manifest.description},
          {"type", manifest.type},
          {"version", manifest.version},
          {"author", manifest.author},
          {"author_url", manifest.authorUrl},
          {"license", manifest.license},
          {"directory", installed.directory},
          {"digest", installed.digest},
          {"trust", installed.trust.text()},
          {"build", installed.buildInfo},
          {"build_id", installed.buildId},
          {"home", installed.home},
          {"usable", installed.usable},
          {"reason", installed.reason},
          {"crashed", crashedText(context.installation, installed.id)},
          {"permissions", manifest.permissions},
          {"settings", fields},
          {"instances", instances}};
}

Json setEnabled(CommandContext& context, const Json& args, bool enabled) {
  auto& integrations = context.installation.integrations();
  const auto installed = installedOf(context.installation.catalog(), textOr(args, "id"));
  const auto row = rowOf(context, args);
  if (row) return describeInFull(integrations.change(row->id, enabled, nullptr, textOr(args, "actor")));
  const auto place = placeOf(context.installation.database(), args);
  return describeInFull(integrations.add(place.organizationId, place.projectId, installed.id, enabled,
                                         nullptr, textOr(args, "actor")));
}

/// What was done as asked, and is not what the person may think it is.
Json remarksOn(const plugin::Manifest& manifest, const Enablement& row, const Json& args) {
  Json remarks = Json::array();
  const Json& schema = manifest.configurationSchema;
  const Json properties = schema.is_object() ? schema.value("properties", Json::object()) : Json::object();
  const Json set = args.value("set", Json::object()), asked = args.value("secrets", Json::array());
  for (const auto& [key, value] : set.items()) {
    if (const auto origin = row.fieldOrigins.find(key); origin != row.fieldOrigins.end())
      remarks.push_back(
          key + " is set in " + origin->second +
          ", which goes before what was entered now; that is kept, and counts once the other is gone");
    if (properties.value(key, Json::object()).value("x-dispatch-secret", false) && value != "" &&
        std::find(asked.begin(), asked.end(), Json(key)) == asked.end())
      remarks.push_back(key +
                        " is a secret, and stood on a command line, which the shell may keep and others may "
                        "have seen; next time: --secret " +
                        key);
  }
  return remarks;
}

Json configure(CommandContext& context, const Json& args) {
  auto& integrations = context.installation.integrations();
  const auto installed = installedOf(context.installation.catalog(), textOr(args, "id"));
  std::optional<bool> enabled;
  if (args.contains("enabled")) enabled = args["enabled"].get<bool>();
  const auto row = rowOf(context, args);
  const auto configured = [&] {
    if (row)
      return integrations.change(row->id, enabled,
                                 configurationOf(installed.manifest, row->configuration, args),
                                 textOr(args, "actor"));
    const auto place = placeOf(context.installation.database(), args);
    return integrations.add(place.organizationId, place.projectId, installed.id, enabled.value_or(false),
                            configurationOf(installed.manifest, Json::object(), args), textOr(args, "actor"));
  }();
  Json answer = describeInFull(configured);
  if (auto remarks = remarksOn(installed.manifest, configured, args); !remarks.empty())
    answer["remarks"] = std::move(remarks);
  return answer;
}

Json test(CommandContext& context, const Json& args) {
  const auto installed = installedOf(context.installation.catalog(), textOr(args, "id"));
  const auto row = rowOf(context, args);
  if (!row)
    throw Problem(Problem::Kind::notFound, "The project has no plugin " + installed.id +
                                               "; add it with: dispatch plugins configure " + installed.id);
  Json input = Json::object();
  const Json set = args.value("set", Json::object());  // items() refers to it
  // A schema may allow more than it names, and the plugin would ignore it: a person has then misspelt it.
  const Json& settings = installed.manifest.configurationSchema;
  const Json asked =
      settings.is_object() ? settings.value("x-dispatch-test", Json::object()) : Json::object();
  const Json inputs = asked.value("properties", Json::object());
  for (const auto& [key, value] : set.items()) {
    const auto property = inputs.find(key);
    if (property == inputs.end())
      throw unknownName("The test of plugin " + installed.id + " takes no", key, inputs);
    input[key] = integrations::fromText(*property, value.get<std::string>(), key);
  }
  const auto outcome = context.installation.integrations().test(row->id, nullptr, input);
  Json checks = outcome.value.is_object() ? outcome.value.value("checks", Json::array()) : Json::array();
  bool ok = outcome.ok();
  for (const auto& check : checks) ok = ok && check.value("ok", false);
  return {{"id", installed.id},
          {"project", row->project},
          {"ok", ok},
          {"summary",
           outcome.value.is_object() ? textOr(outcome.value, "summary", outcome.message) : outcome.message},
          {"checks", checks}};
}

Json reload(CommandContext& context, const Json& args) {
  auto& integrations = context.installation.integrations();
  const auto id = textOr(args, "id"), actor = textOr(args, "actor");
  const auto trial = args.find("trial");
  if (trial == args.end()) return integrations.reload(id, actor);
  integrations::TrialPlan plan;
  plan.share = trial->value("share", 0);
  plan.shadow = trial->value("shadow", false);
  plan.duration = std::chrono::seconds(trial->value("seconds", 0));
  return integrations.tryOut(id, plan, actor);
}

Json endTrial(CommandContext& context, const Json& args, bool takeOver) {
  const auto installed = installedOf(context.installation.catalog(), textOr(args, "id"));
  return context.installation.integrations().endTrial(installed.id, takeOver, textOr(args, "actor"));
}

Enablement needRow(CommandContext& context, const Json& args) {
  const auto installed = installedOf(context.installation.catalog(), textOr(args, "id"));
  const auto row = rowOf(context, args);
  if (!row)
    throw Problem(Problem::Kind::notFound, "The project has no plugin " + installed.id +
                                               "; add it with: dispatch plugins configure " + installed.id);
  return *row;
}

Enablement needWebhook(CommandContext& context, const Json& args) {
  const auto installed = installedOf(context.installation.catalog(), textOr(args, "id"));
  if (!installed.manifest.permissions.value("webhook", false))
    throw Problem(Problem::Kind::conflict,
                  "The plugin " + installed.id + " takes no requests of other systems");
  return needRow(context, args);
}

/// Asks, and waits a little for what comes of it.
Json pollNow(CommandContext& context, const Json& args) {
  const auto row = needRow(context, args);
  auto& poller = context.rooms().poller();
  const auto before = poller.show(row.id);
  poller.pollNow(row.id, args.value("start_over", false), textOr(args, "actor"));
  Json now = poller.show(row.id);
  for (const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
       poller.running() && std::chrono::steady_clock::now() < until;
       std::this_thread::sleep_for(std::chrono::milliseconds(50))) {
    now = poller.show(row.id);
    if (now["polls"] != before["polls"] && now["polling"] == false) break;
  }
  now["id"] = row.pluginId;
  now["project"] = row.project;
  return now;
}

/// What rotateWebhook() would act on.
Json showWebhook(CommandContext& context, const Json& args) {
  const auto row = needWebhook(context, args);
  return {{"id", row.pluginId}, {"project", row.project}};
}

Json rotateWebhook(CommandContext& context, const Json& args) {
  const auto row = needWebhook(context, args);
  return {{"id", row.pluginId},
          {"project", row.project},
          {"webhook_url",
           webhookUrl(context, context.rooms().inbox().endpoints().rotate(row.id, textOr(args, "actor")))}};
}

Json listDeliveries(CommandContext& context, const Json& args) {
  return context.rooms().inbox().list(needWebhook(context, args).id);
}

Json retryDelivery(CommandContext& context, const Json& args) {
  const auto row = needWebhook(context, args);
  const auto delivery = args.value("delivery", std::int64_t{0});
  context.rooms().inbox().retry(row.id, delivery, textOr(args, "actor"));
  return {{"id", row.pluginId}, {"delivery", delivery}, {"state", "waiting"}};
}

}  // namespace

void addPluginCommands(std::map<std::string, Command>& all) {
  all["plugins.list"] = listPlugins;
  all["plugins.show"] = showPlugin;
  all["plugins.enable"] = [](CommandContext& context, const Json& args) {
    return setEnabled(context, args, true);
  };
  all["plugins.disable"] = [](CommandContext& context, const Json& args) {
    return setEnabled(context, args, false);
  };
  all["plugins.reload"] = reload;
  all["plugins.promote"] = [](CommandContext& context, const Json& args) {
    return endTrial(context, args, true);
  };
  all["plugins.rollback"] = [](CommandContext& context, const Json& args) {
    return endTrial(context, args, false);
  };
  all["plugins.configure"] = configure;
  all["plugins.webhook"] = showWebhook;
  all["plugins.rotate-webhook"] = rotateWebhook;
  all["plugins.deliveries"] = listDeliveries;
  all["plugins.redeliver"] = retryDelivery;
  all["plugins.poll"] = pollNow;
  all["plugins.test"] = test;
}

}  // namespace dispatch::cli
