#include "integrations/integrations.hpp"

#include "base/base.hpp"
#include "integrations/effective.hpp"
#include "integrations/host_providers.hpp"
#include "integrations/roster.hpp"
#include "integrations/rows.hpp"
#include "integrations/secret_fields.hpp"
#include "integrations/stray_variables.hpp"

#include <Poco/Logger.h>

#include <atomic>

namespace dispatch::integrations {

namespace {

Poco::Logger& log() { return Poco::Logger::get("dispatch.integrations"); }

const Json noSchema = Json::object();

class Rooms final : public Integrations {
 public:
  Rooms(plugin::Catalog& catalog, store::Database& database, const config::Settings& settings,
        const config::Envelope& envelope, config::SecretResolver resolver)
      : _catalog(catalog),
        _database(database),
        _settings(settings),
        _configurations(settings, envelope, std::move(resolver)),
        _providers(catalog, _configurations, settings),
        _roster(
            catalog, _configurations,
            [this](const InstanceRow& row, const std::string& state, const std::string& reason) {
              recordState(row, state, reason);
            },
            [this](const InstanceRow& row, const Json& report, const std::string& actor) {
              recordTrial(row, report, actor);
            }) {}

  ~Rooms() override { stop(); }

  void start() override;
  void stop() override;
  void initProject(store::Session& session, std::int64_t organizationId, std::int64_t projectId) override;

  std::vector<Enablement> list(std::int64_t organizationId, std::optional<std::int64_t> projectId) override;
  Enablement get(std::int64_t id) override { return show(need(id)); }
  Enablement change(std::int64_t id, std::optional<bool> enabled, const Json& configuration,
                    const std::string& actor) override;
  Enablement add(std::int64_t organizationId, std::int64_t projectId, const std::string& pluginId,
                 bool enabled, const Json& configuration, const std::string& actor) override;
  void remove(std::int64_t id, const std::string& actor) override;
  plugin::JsonOutcome test(std::int64_t id, const Json& configuration, const Json& input) override;

  Serving serving(std::int64_t projectId, const std::string& pluginType) override;
  Serving byId(std::int64_t id) override;
  std::vector<Serving> allServing(std::int64_t projectId, const std::string& pluginType) override;
  std::vector<Serving> running(std::string_view interfaceId) override { return _roster.running(interfaceId); }
  std::map<std::string, std::string> ailing() override { return _roster.ailing(); }
  std::vector<Serving> authProviders() override { return _providers.all(); }
  Json reload(const std::string& pluginId, const std::string& actor) override {
    return takeIntoUse(pluginId, std::nullopt, actor);
  }
  Json tryOut(const std::string& pluginId, const TrialPlan& plan, const std::string& actor) override;
  Json endTrial(const std::string& pluginId, bool takeOver, const std::string& actor) override;

 private:
  Json takeIntoUse(const std::string& pluginId, const std::optional<TrialPlan>& plan,
                   const std::string& actor);
  InstanceRow need(std::int64_t id);
  InstanceRow effective(InstanceRow row) const;  ///< with dispatch.yaml's configuration where that manages it
  plugin::Manifest manifestOf(const std::string& pluginId) const;
  Enablement show(const InstanceRow& row);
  void refuseIfDeclared(const InstanceRow& row) const;
  Json newConfiguration(const plugin::Manifest& manifest, const Json& stored, const Json& given,
                        std::int64_t row) const;
  void switchOffOthers(store::Session& session, const InstanceRow& row, const plugin::Manifest& manifest,
                       const std::string& actor, std::vector<std::int64_t>& touched);
  void refuseMistakes(const std::vector<Declaration>& declarations) const;
  void placeDeclared(store::Session& session);
  void recordState(const InstanceRow& row, const std::string& state, const std::string& reason);
  void recordTrial(const InstanceRow& row, const Json& report, const std::string& actor);
  void applyIds(const std::vector<std::int64_t>& ids);
  void refresh();
  void mark(std::int64_t id);

  plugin::Catalog& _catalog;
  store::Database& _database;
  const config::Settings& _settings;
  EffectiveConfigurations _configurations;
  HostProviders _providers;
  std::map<std::int64_t, Declaration> _declared;  // written by start() only
  store::EventBus::Subscription _subscription;

  std::mutex _staleMutex;
  std::set<std::int64_t> _staleIds;
  bool _allStale = false;
  std::atomic<bool> _stale{false};
  std::mutex _refreshing;
  std::atomic<bool> _running{false};
  Roster _roster;  // last: its thread calls back
};

void Rooms::mark(std::int64_t id) {
  std::lock_guard lock(_staleMutex);
  if (id == 0) _allStale = true;
  _staleIds.insert(id);
  _stale = true;
}

void Rooms::start() {
  const auto declarations = readDeclarations(_settings);
  refuseMistakes(declarations);
  for (const auto& warning : strayVariables(_catalog, _settings)) log().warning("%s", warning);
  const auto installed = _catalog.list();
  _database.transact([&](store::Session& session) {
    lockRows(session);
    forgetNeverUsable(session, installed);
    const auto firstSeen = storeCatalog(session, installed);
    for (const auto& project : session.query("SELECT id, organization_id FROM project"))
      addMissingRows(session, installed, project.integer("organization_id"), project.integer("id"),
                     firstSeen);
    _declared = placeDeclarations(session, declarations,
                                  [](const std::string& complaint) { log().error("%s", complaint); });
    placeDeclared(session);
  });
  _subscription = _database.events().subscribe([this](const store::Event& event) {
    if (event.subject == "*") mark(0);
    if (event.subject == "plugin_instance" && !event.data.contains("state")) mark(event.id);
  });
  _running = true;
  _providers.start();
  mark(0);
  refresh();
  _catalog.settled();
}

void Rooms::refuseMistakes(const std::vector<Declaration>& declarations) const {
  std::optional<Problem> refusal;
  for (const auto& declaration : declarations) {
    // What is not installed or not usable is told as such; nothing is known of its settings.
    const auto installed = _catalog.find(declaration.pluginId);
    if (!installed || !installed->usable) continue;
    for (const auto& mistake : _configurations.mistakes(manifestOf(declaration.pluginId), declaration)) {
      Problem one(Problem::Kind::invalid, mistake);
      if (refusal)
        refusal->add(std::move(one));
      else
        refusal = std::move(one);
    }
  }
  if (refusal) throw *refusal;
}

void Rooms::placeDeclared(store::Session& session) {
  for (const auto& [id, declaration] : _declared) {
    const auto row = loadRow(session, id);
    if (!row) continue;
    const auto manifest = manifestOf(declaration.pluginId);
    const Json& schema = manifest.configurationSchema;
    // The row keeps what it needs should the file let go of it: what people had entered, if anything, else
    // everything of the file but references to the operator's secrets.
    Json kept = declaration.configuration;
    forEachSecret(schema, kept, [](const std::string&, std::string& value) {
      if (isSecretReference(value)) value.clear();
    });
    Json before = row->configuration;
    bool same = row->fromFile && row->enabled == declaration.enabled;
    try {
      openSecrets(schema, before, _configurations.envelope(), id);
      same = same && before == kept;
    } catch (const Problem&) {
      same = false;  // sealed with another key: written anew
    }
    wipeSecrets(schema, before);
    if (same) continue;
    sealSecrets(schema, kept, _configurations.envelope(), id);
    session.execute(
        "UPDATE plugin_instance SET kept_configuration = CASE WHEN origin = 'file' THEN kept_configuration"
        " WHEN configuration = '{}' THEN NULL ELSE configuration END,"
        " origin = 'file', enabled = ?, configuration = ?,"
        " config_revision = config_revision + 1, updated_at = ? WHERE id = ?",
        {declaration.enabled, dumpJson(kept), nowText(), id});
    audit(session, row->organizationId, declaration.origin, "plugin.declared", id,
          {{"plugin", declaration.pluginId}, {"enabled", declaration.enabled}});
    publishChange(session, row->organizationId, row->projectId, id, "updated");
    if (declaration.enabled) {
      std::vector<std::int64_t> touched;
      switchOffOthers(session, *loadRow(session, id), manifest, declaration.origin, touched);
    }
  }
}

void Rooms::stop() {
  _running = false;
  _subscription.reset();
  _roster.stop();
  _providers.stop();
}

void Rooms::initProject(store::Session& session, std::int64_t organizationId, std::int64_t projectId) {
  addMissingRows(session, _catalog.list(), organizationId, projectId, {});
  session.afterCommit([this] { mark(0); });
}

InstanceRow Rooms::effective(InstanceRow row) const {
  if (const auto found = _declared.find(row.id); found != _declared.end() && row.fromFile)
    row.configuration = found->second.configuration;
  return row;
}

void Rooms::refresh() {
  if (!_running || !_stale) return;
  std::unique_lock lock(_refreshing, std::try_to_lock);
  // Somebody is at it. Waiting could hold up a writer that the other one waits for; the rows known so far
  // serve.
  if (!lock.owns_lock()) return;
  std::set<std::int64_t> ids;
  bool all = false;
  {
    std::lock_guard stale(_staleMutex);
    ids.swap(_staleIds);
    all = std::exchange(_allStale, false);
    _stale = false;
  }
  try {
    auto session = _database.session();
    if (all) {
      auto rows = loadRows(*session);
      session.reset();
      for (auto& row : rows) row = effective(std::move(row));
      _roster.replaceAll(rows);
      return;
    }
    std::vector<InstanceRow> rows;
    for (const auto id : ids) {
      if (auto row = loadRow(*session, id)) {
        rows.push_back(effective(std::move(*row)));
      } else {
        _roster.forget(id);
      }
    }
    session.reset();
    for (const auto& row : rows) _roster.apply(row);
  } catch (const std::exception& error) {
    log().warning("The plugins' rows could not be read, the known ones serve on: %s",
                  std::string(error.what()));
    mark(0);
  }
}

void Rooms::applyIds(const std::vector<std::int64_t>& ids) {
  for (const auto id : ids) mark(id);
  if (!_running) return;
  // The caller waits for its own change to be in force, behind whoever is refreshing now.
  for (int round = 0; round < 100 && _stale; ++round) {
    refresh();
    if (!_stale) break;
    const std::lock_guard behind(_refreshing);
  }
  std::lock_guard settled(_refreshing);
}

void Rooms::recordState(const InstanceRow& row, const std::string& state, const std::string& reason) {
  try {
    _database.transact([&](store::Session& session) {
      const auto changed = session.execute(
          "UPDATE plugin_instance SET state = ?, last_error = ? WHERE id = ?",
          {state, reason.empty() || state == "healthy" ? store::Value() : store::Value(reason), row.id});
      if (changed > 0) publishChange(session, row.organizationId, row.projectId, row.id, "updated", state);
    });
  } catch (const std::exception& error) {
    log().warning("The state of plugin instance %s could not be recorded: %s", std::to_string(row.id),
                  std::string(error.what()));
  }
}

void Rooms::recordTrial(const InstanceRow& row, const Json& report, const std::string& actor) {
  try {
    _database.transact([&](store::Session& session) {
      audit(session, row.organizationId, actor, "plugin.trial_ended", row.id,
            {{"plugin", row.pluginId}, {"project", row.project}, {"trial", report}});
    });
  } catch (const std::exception& error) {
    log().warning("The end of a trial of plugin instance %s could not be recorded: %s",
                  std::to_string(row.id), std::string(error.what()));
  }
}

InstanceRow Rooms::need(std::int64_t id) {
  auto row = loadRow(*_database.session(), id);
  if (!row) throw Problem(Problem::Kind::notFound, "There is no plugin instance " + std::to_string(id));
  return effective(std::move(*row));
}

plugin::Manifest Rooms::manifestOf(const std::string& pluginId) const {
  auto installed = _catalog.find(pluginId);
  plugin::Manifest manifest = installed ? installed->manifest : plugin::Manifest();
  if (manifest.id.empty()) manifest.id = pluginId;
  if (!manifest.configurationSchema.is_object()) manifest.configurationSchema = noSchema;
  return manifest;
}

Enablement Rooms::show(const InstanceRow& row) {
  refresh();
  const auto manifest = manifestOf(row.pluginId);
  Enablement shown;
  shown.id = row.id;
  shown.organizationId = row.organizationId;
  shown.projectId = row.projectId;
  shown.pluginId = row.pluginId;
  shown.enabled = row.enabled;
  shown.organization = row.organization;
  shown.project = row.project;
  shown.title = manifest.title.empty() ? row.pluginTitle : manifest.title;
  shown.type = manifest.type.empty() ? row.pluginType : manifest.type;
  shown.version = manifest.version;
  shown.lastTestedAt = row.lastTestedAt;
  shown.configuration = _configurations.show(manifest, row.configuration);
  if (manifest.configurationSchema.empty()) {
    // Its schema went with the package: which fields are secret is not known any more, sealed ones are told
    // by their form.
    for (auto& [key, value] : shown.configuration.items())
      if (value.is_string() && config::Envelope::isSealed(value.get<std::string>())) value = maskedSecret;
  }
  shown.fieldOrigins = _configurations.origins(manifest);
  const auto declared = _declared.find(row.id);
  shown.origin = !row.fromFile                 ? "database"
                 : declared != _declared.end() ? declared->second.origin
                                               : "dispatch.yaml of another host";
  const auto status = _roster.status(row);
  shown.state = status.state;
  shown.reason = status.reason;
  auto trials = _roster.trials(row.id);
  shown.trial = std::move(trials.running);
  shown.lastTrial = std::move(trials.last);
  if (!row.enabled) {
    const auto installed = _catalog.find(row.pluginId);
    shown.state = installed && installed->usable ? "disabled" : "broken";
    shown.reason = shown.state == "disabled" ? ""
                   : installed               ? installed->reason
                                             : "The plugin " + row.pluginId + " is not installed here";
  }
  return shown;
}

std::vector<Enablement> Rooms::list(std::int64_t organizationId, std::optional<std::int64_t> projectId) {
  std::vector<Enablement> all;
  for (auto& row : loadRows(*_database.session()))
    if (row.organizationId == organizationId && (!projectId || row.projectId == *projectId))
      all.push_back(show(effective(std::move(row))));
  return all;
}

void Rooms::refuseIfDeclared(const InstanceRow& row) const {
  if (!row.fromFile) return;
  const auto declared = _declared.find(row.id);
  const std::string origin = declared == _declared.end() ? "dispatch.yaml" : declared->second.origin;
  throw Problem(Problem::Kind::conflict,
                "The plugin " + row.pluginId + " of project " + row.project + " is managed by " + origin +
                    ". Change it there and restart, or take it out there to manage it here");
}

Json Rooms::newConfiguration(const plugin::Manifest& manifest, const Json& stored, const Json& given,
                             std::int64_t row) const {
  if (!given.is_object()) return stored;
  const Json& schema = manifest.configurationSchema;
  Json changed = given;
  // What the environment sets came back with the form; it stays there and does not move into the database.
  for (const auto& [key, origin] : _configurations.origins(manifest)) {
    changed.erase(key);
    if (stored.contains(key)) changed[key] = stored[key];
  }
  sealSecrets(schema, changed, _configurations.envelope(), row);
  for (const auto& [key, origin] : _configurations.origins(manifest))
    if (stored.contains(key)) changed[key] = stored[key];
  return merged(schema, stored, std::move(changed));
}

void Rooms::switchOffOthers(store::Session& session, const InstanceRow& row, const plugin::Manifest& manifest,
                            const std::string& actor, std::vector<std::int64_t>& touched) {
  for (const auto& other : loadRows(session)) {
    if (other.id == row.id || other.projectId != row.projectId || !other.enabled ||
        other.pluginType != manifest.type)
      continue;
    const auto otherManifest = manifestOf(other.pluginId);
    if (manifest.multiple && otherManifest.multiple) continue;
    refuseIfDeclared(effective(other));
    session.execute(
        "UPDATE plugin_instance SET enabled = ?, config_revision = config_revision + 1, updated_at = ? WHERE "
        "id = ?",
        {false, nowText(), other.id});
    audit(
        session, other.organizationId, actor, "plugin.disable", other.id,
        {{"plugin", other.pluginId}, {"project", other.project}, {"because", row.pluginId + " was enabled"}});
    publishChange(session, other.organizationId, other.projectId, other.id, "updated");
    touched.push_back(other.id);
  }
}

Enablement Rooms::change(std::int64_t id, std::optional<bool> enabled, const Json& configuration,
                         const std::string& actor) {
  std::vector<std::int64_t> touched{id};
  _database.transact([&](store::Session& session) {
    touched = {id};
    const auto row = loadRow(session, id);
    if (!row) throw Problem(Problem::Kind::notFound, "There is no plugin instance " + std::to_string(id));
    refuseIfDeclared(*row);
    const auto installed = _catalog.find(row->pluginId);
    const bool on = enabled.value_or(row->enabled);
    if (on && (!installed || !installed->usable))
      throw Problem(Problem::Kind::conflict,
                    "The plugin " + row->pluginId + " cannot be enabled: " +
                        (installed ? installed->reason : "it is not installed here"));
    const auto manifest = manifestOf(row->pluginId);
    const Json next = newConfiguration(manifest, row->configuration, configuration, id);
    if (on || configuration.is_object()) _configurations.check(manifest, next, id, false);
    if (on == row->enabled && next == row->configuration) return;
    session.execute(
        "UPDATE plugin_instance SET enabled = ?, configuration = ?, config_revision = config_revision + 1,"
        " updated_at = ? WHERE id = ?",
        {on, dumpJson(next), nowText(), id});
    Json fields = Json::array();
    for (const auto& [key, value] : next.items())
      if (!row->configuration.contains(key) || row->configuration[key] != value) fields.push_back(key);
    const std::string action = on == row->enabled ? "plugin.configure"
                               : on               ? "plugin.enable"
                                                  : "plugin.disable";
    audit(session, row->organizationId, actor, action, id,
          {{"plugin", row->pluginId}, {"project", row->project}, {"changed", fields}});
    publishChange(session, row->organizationId, row->projectId, id, "updated");
    if (on) switchOffOthers(session, *row, manifest, actor, touched);
  });
  applyIds(touched);
  return get(id);
}

Enablement Rooms::add(std::int64_t organizationId, std::int64_t projectId, const std::string& pluginId,
                      bool enabled, const Json& configuration, const std::string& actor) {
  const auto installed = _catalog.find(pluginId);
  if (!installed)
    throw Problem(Problem::Kind::invalid,
                  "No plugin \"" + pluginId + "\" is installed; see dispatch plugins list",
                  {"body", "plugin"});
  if (!belongsToProjects(*installed))
    throw Problem(Problem::Kind::invalid,
                  installed->usable
                      ? "The plugin " + pluginId +
                            " serves the whole installation and is chosen by a setting, not per project"
                      : "The plugin " + installed->name() + " is not usable: " + installed->reason,
                  {"body", "plugin"});
  const auto manifest = manifestOf(pluginId);
  std::vector<std::int64_t> touched;
  std::int64_t id = 0;
  _database.transact([&](store::Session& session) {
    touched.clear();
    if (!session.one("SELECT id FROM project WHERE id = ? AND organization_id = ?",
                     {projectId, organizationId}))
      throw Problem(Problem::Kind::invalid, "There is no such project in this organization",
                    {"body", "project"});
    id = session.insert("plugin_instance", {{"organization_id", organizationId},
                                            {"project_id", projectId},
                                            {"plugin_slug", pluginId},
                                            {"enabled", enabled},
                                            {"config_revision", std::int64_t{1}},
                                            {"origin", std::string("database")},
                                            {"created_at", nowText()},
                                            {"updated_at", nowText()}});
    const Json next = newConfiguration(manifest, Json::object(), configuration, id);
    if (enabled || configuration.is_object()) _configurations.check(manifest, next, id, false);
    session.update("plugin_instance", id, {{"configuration", dumpJson(next)}});
    const auto row = loadRow(session, id);
    audit(session, organizationId, actor, "plugin.add", id,
          {{"plugin", pluginId}, {"project", row->project}, {"enabled", enabled}});
    publishChange(session, organizationId, projectId, id, "created");
    touched.push_back(id);
    if (enabled) switchOffOthers(session, *row, manifest, actor, touched);
  });
  applyIds(touched);
  return get(id);
}

void Rooms::remove(std::int64_t id, const std::string& actor) {
  _database.transact([&](store::Session& session) {
    const auto row = loadRow(session, id);
    if (!row) throw Problem(Problem::Kind::notFound, "There is no plugin instance " + std::to_string(id));
    refuseIfDeclared(*row);
    session.execute("DELETE FROM plugin_instance WHERE id = ?", {id});
    audit(session, row->organizationId, actor, "plugin.remove", id,
          {{"plugin", row->pluginId}, {"project", row->project}});
    publishChange(session, row->organizationId, row->projectId, id, "deleted");
  });
  applyIds({id});
}

plugin::JsonOutcome Rooms::test(std::int64_t id, const Json& configuration, const Json& input) {
  const auto row = need(id);
  plugin::JsonOutcome outcome;
  const auto installed = _catalog.find(row.pluginId);
  if (!installed || !installed->usable) {
    outcome.status = DISPATCH_ERR_UNSUPPORTED;
    outcome.message = installed ? installed->reason : "The plugin " + row.pluginId + " is not installed here";
    return outcome;
  }
  if (configuration.is_object()) refuseIfDeclared(row);
  const auto manifest = manifestOf(row.pluginId);
  std::shared_ptr<plugin::Instance> instance;
  try {
    const Json tried = configuration.is_object()
                           ? newConfiguration(manifest, row.configuration, configuration, id)
                           : row.configuration;
    _configurations.check(manifest, tried, id, row.fromFile);
    instance = startInstance(_catalog, {row.pluginId, row.id, row.organizationId, row.projectId},
                             _configurations.make(manifest, tried, id, row.revision, row.fromFile));
  } catch (const Problem& problem) {
    if (problem.kind() == Problem::Kind::invalid && !problem.location().empty())
      throw;  // the form shows it at its field
    outcome.status = DISPATCH_ERR_UNAVAILABLE;
    outcome.message = problem.what();
    return outcome;
  }
  outcome = instance->test(input.is_object() ? input : Json::object());
  instance->drainAndStop();
  if (outcome.ok() && !configuration.is_object())
    _database.session()->execute("UPDATE plugin_instance SET last_tested_at = ? WHERE id = ?",
                                 {nowText(), id});
  return outcome;
}

Serving Rooms::serving(std::int64_t projectId, const std::string& pluginType) {
  refresh();
  auto all = _roster.serving(projectId, pluginType);
  if (!all.empty()) return all.front();
  std::string name = std::to_string(projectId);
  if (const auto row = _database.session()->one("SELECT name FROM project WHERE id = ?", {projectId}))
    name = row->text("name");
  return _roster.whyNot(projectId, pluginType, name);
}

Serving Rooms::byId(std::int64_t id) {
  refresh();
  return _roster.byId(id);
}

Json Rooms::takeIntoUse(const std::string& pluginId, const std::optional<TrialPlan>& plan,
                        const std::string& actor) {
  refresh();
  _roster.refuseReload(pluginId, plan.has_value());
  const auto before = _catalog.find(pluginId);
  const auto installed = _catalog.reload(pluginId);
  Json instances = Json::array();
  const auto add = [&](const std::string& project, const std::string& from, const std::string& to,
                       const std::string& reason) {
    instances.push_back({{"project", project}, {"from", from}, {"to", to}, {"reason", reason}});
  };
  try {
    if (const auto replaced = _providers.reload(pluginId)) add("*", replaced->from, replaced->to, "");
  } catch (const Problem& problem) {
    add("*", before ? before->manifest.version : "", "", problem.what());
  }
  for (const auto& replaced : _roster.reload(pluginId, plan)) {
    add(replaced.row.project, replaced.from, replaced.to, replaced.reason);
    if (plan) instances.back()["trial"] = replaced.trial;
  }
  _catalog.settled();
  _database.transact([&](store::Session& session) {
    const auto firstSeen = storeCatalog(session, {installed});
    for (const auto& project : session.query("SELECT id, organization_id FROM project"))
      addMissingRows(session, {installed}, project.integer("organization_id"), project.integer("id"),
                     firstSeen);
    Json details{{"plugin", pluginId}, {"version", installed.manifest.version}, {"digest", installed.digest}};
    if (plan) {
      details["share"] = plan->share;
      details["shadow"] = plan->shadow;
      details["seconds"] = plan->duration.count() / 1000;
    }
    audit(session, 0, actor, plan ? "plugin.trial_started" : "plugin.reloaded", 0, details);
  });
  return {{"id", pluginId},
          {"version", installed.manifest.version},
          {"home", installed.home},
          {"instances", instances}};
}

Json Rooms::tryOut(const std::string& pluginId, const TrialPlan& plan, const std::string& actor) {
  checkPlan(plan);
  const auto installed = _catalog.find(pluginId);
  if (installed && installed->usable && !belongsToProjects(*installed))
    throw Problem(
        Problem::Kind::invalid,
        "The plugin " + pluginId +
            " serves the whole installation and cannot be tried beside another version: a login "
            "consists of several requests, which must all reach the same one. Take it into use with: "
            "dispatch plugins reload " +
            pluginId);
  return takeIntoUse(pluginId, plan, actor);
}

Json Rooms::endTrial(const std::string& pluginId, bool takeOver, const std::string& actor) {
  Json instances = Json::array();
  for (const auto& ended : _roster.endTrials(pluginId, takeOver, actor))
    instances.push_back({{"project", ended.row.project},
                         {"version", ended.version},
                         {"result", ended.report.at("result")},
                         {"reason", ended.report.at("reason")}});
  return {{"id", pluginId}, {"instances", instances}};
}

std::vector<Serving> Rooms::allServing(std::int64_t projectId, const std::string& pluginType) {
  refresh();
  return _roster.serving(projectId, pluginType);
}

}  // namespace

std::unique_ptr<Integrations> Integrations::open(plugin::Catalog& catalog, store::Database& database,
                                                 const config::Settings& settings,
                                                 const config::Envelope& envelope,
                                                 config::SecretResolver resolver) {
  return std::make_unique<Rooms>(catalog, database, settings, envelope, std::move(resolver));
}

}  // namespace dispatch::integrations
