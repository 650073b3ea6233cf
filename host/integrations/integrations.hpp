// Plugins at work: which plugin is enabled in which project with which configuration, in the database or
// declared in dispatch.yaml, and the running instance behind each. What operators call "the plugins page".
#pragma once

#include "base/json.hpp"
#include "config/config.hpp"
#include "plugin/plugin.hpp"
#include "store/store.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::integrations {

/// One row of plugin_instance as people see it. Secrets in `configuration` read "**********" when set and ""
/// when not.
struct Enablement {
  std::int64_t id = 0, organizationId = 0, projectId = 0;
  std::string pluginId;
  bool enabled = false;
  Json configuration;  ///< masked
  std::string origin;  ///< "database", or "dispatch.yaml line 12": managed there, read-only here
  /// "disabled", "not configured", "healthy", "degraded" (cannot start now and is retried, or runs and fails,
  /// or runs without being trusted any more), "broken" (not installed, not usable, in quarantine)
  std::string state;
  /// With the fix where the state is not "healthy" or "disabled". Where it is "healthy": "", or that another
  /// version is being tried, or is installed and did not stand its trial.
  std::string reason;
  /// Top-level fields that the environment or .env sets (read-only here, and already part of
  /// `configuration`), with their origin: {"host": "DISPATCH_PLUGIN_SMTP_EMAIL_HOST in
  /// /opt/dispatch/etc/dispatch/.env line 12"}.
  std::map<std::string, std::string> fieldOrigins;
  std::string title, type, version;   ///< of the plugin, as far as it is installed
  std::string organization, project;  ///< slug and name
  std::string lastTestedAt;           ///< instant, or ""
  Json trial, lastTrial;              ///< as Trial::describe() tells; null: none runs, none has ended
};

/// How a new version is tried beside the one that serves.
struct TrialPlan {
  int share = 0;        ///< percent of the calls that it answers, 1 to 99; 0: none, it is a shadow alone
  bool shadow = false;  ///< calls that only read and go to the other are repeated on it and compared
  std::chrono::milliseconds duration{600'000};
};

/// What a flow needs to make a call: a running instance, or the sentence why there is none.
struct Serving {
  std::shared_ptr<plugin::Instance> instance;  ///< null: see reason
  std::int64_t enablementId = 0;  ///< without an instance: the one to wait for; 0 = there is none
  std::uint64_t configRevision = 0;
  std::string
      reason;  ///< e.g. "No email plugin is enabled in project default. Enable one under Settings > Plugins."
};

/// The configuration of a plugin that serves the whole host (auth and secret providers):
/// DISPATCH_PLUGIN_<ID>_<FIELD> and nothing else. A secret in dispatch.yaml or such a variable is bound to
/// the variable's name, whatever holds it. Throws Problem.
plugin::Configuration hostConfiguration(const plugin::Manifest& manifest, const config::Settings& settings,
                                        const config::SecretResolver& resolver);

/// "DISPATCH_PLUGIN_SMTP_EMAIL_HOST": the variable of a plugin's field, and what its secret is bound to.
std::string variableOf(const std::string& pluginId, const std::string& field);

/// The text of a DISPATCH_PLUGIN_<ID>_<FIELD> variable or of a command line as the JSON that `property` (its
/// schema) wants: integer, number, boolean, array (JSON, or texts with commas) and object parsed, everything
/// else text. Throws Problem(invalid) naming what was expected, without the value if the property is a
/// secret.
Json fromText(const Json& property, const std::string& text, const std::string& name);

/// A secret of a plugin that stands outside the database, as it is stored there.
struct PluginSecret {
  std::string name;  ///< "DISPATCH_PLUGIN_SMTP_EMAIL_PASSWORD", also for one of dispatch.yaml
  std::string origin;
  config::SecretText stored;
  bool plain;  ///< of a secret provider: it cannot come through one
};
/// In variables and in dispatch.yaml, of plugins that are usable. Throws Problem as the start would for a
/// garbled `plugins:`.
std::vector<PluginSecret> pluginSecrets(const plugin::Catalog& catalog, const config::Settings& settings);

/// A secret that somebody entered, sealed in the database.
struct SealedSecret {
  std::string name;    ///< "smtp-email password in project default/default"
  std::string reason;  ///< why it cannot be opened; "" = it can
};
std::vector<SealedSecret> sealedSecrets(const plugin::Catalog& catalog, store::Session& session,
                                        const config::Envelope& envelope);

/// What is to be said of an instance now, whatever was said when it started.
struct Condition {
  std::string state = "healthy";  ///< or "degraded" or "broken", as Enablement::state
  std::string reason;             ///< with the fix where there is one; "" where it is healthy
};
Condition conditionOf(const plugin::Instance& instance);

/// A running instance for people: home, sandbox, process, restarts, last crash, calls, latencies, requests to
/// the outside.
Json describeRunning(const plugin::Instance& instance);

/// [any-thread]
class Integrations {
 public:
  /// `resolver` decrypts the secrets that dispatch.yaml and DISPATCH_PLUGIN_… variables hold encrypted or by
  /// reference. Values typed into the UI are taken literally: who may configure a plugin may not read the
  /// operator's other secrets.
  static std::unique_ptr<Integrations> open(plugin::Catalog& catalog, store::Database& database,
                                            const config::Settings& settings,
                                            const config::Envelope& envelope,
                                            config::SecretResolver resolver);
  virtual ~Integrations() = default;

  /// Brings plugin and plugin_instance rows in line with the catalog and dispatch.yaml (idempotent), then
  /// creates and starts what is enabled. A plugin that cannot start is degraded and retried with backoff, and
  /// never stops the server.
  virtual void start() = 0;
  virtual void stop() = 0;
  /// Rows for a project that was just made: every installed plugin, disabled, except those enabled by
  /// default.
  virtual void initProject(store::Session& session, std::int64_t organizationId, std::int64_t projectId) = 0;

  virtual std::vector<Enablement> list(std::int64_t organizationId,
                                       std::optional<std::int64_t> projectId) = 0;
  virtual Enablement get(std::int64_t id) = 0;  ///< throws Problem(notFound)

  /// Changes `enabled` and/or `configuration` (null = unchanged; a secret given as "**********" or absent is
  /// kept, "" clears it). Validates before anything is stored; enabling switches off another enabled one of
  /// the type unless both are `multiple`. Throws Problem(conflict) for one that dispatch.yaml manages.
  /// `actor` goes into the audit.
  virtual Enablement change(std::int64_t id, std::optional<bool> enabled, const Json& configuration,
                            const std::string& actor) = 0;
  virtual Enablement add(std::int64_t organizationId, std::int64_t projectId, const std::string& pluginId,
                         bool enabled, const Json& configuration, const std::string& actor) = 0;
  virtual void remove(std::int64_t id, const std::string& actor) = 0;

  /// The **Test** button: with the stored configuration, or with `configuration` (merged as in change) before
  /// it is saved.
  virtual plugin::JsonOutcome test(std::int64_t id, const Json& configuration, const Json& input) = 0;

  /// Who serves `pluginType` in the project now.
  virtual Serving serving(std::int64_t projectId, const std::string& pluginType) = 0;
  /// The instance that made a resource, also after another one was enabled.
  virtual Serving byId(std::int64_t enablementId) = 0;
  virtual std::vector<Serving> allServing(std::int64_t projectId, const std::string& pluginType) = 0;
  /// Every running instance of every project that has this interface ("dispatch.source/1"); "": all of them.
  virtual std::vector<Serving> running(std::string_view interfaceId) = 0;

  /// Takes what is installed under this id now into use, without a restart and without losing a call:
  /// verified, made, started and tested beside what serves. Answers {"id", "version", "instances":
  /// [{"project", "from", "to", "reason"}]}; a reason says why the one before goes on. Throws Problem, with
  /// nothing changed, if no package of it is usable or a trial of it runs.
  virtual Json reload(const std::string& pluginId, const std::string& actor) = 0;

  /// As reload, but the new version is first tried wherever the old one serves; each instance of the answer
  /// then has a "trial" that says how. With a share of the calls it takes over in the end, or is taken back
  /// as soon as it does worse; as a shadow alone it is only watched. Throws Problem: a plan out of bounds, a
  /// plugin of the whole host, a trial that runs, nothing to try it beside.
  virtual Json tryOut(const std::string& pluginId, const TrialPlan& plan, const std::string& actor) = 0;
  /// Ends every trial of the plugin now, and answers {"id", "instances": [{"project", "version", "result",
  /// "reason"}]}. Throws Problem(notFound) where none runs.
  virtual Json endTrial(const std::string& pluginId, bool takeOver, const std::string& actor) = 0;

  /// Enabled plugins that do not serve as they should somewhere, with their state: {"smtp-email":
  /// "degraded"}. From memory, whatever the database does.
  virtual std::map<std::string, std::string> ailing() = 0;

  /// Plugins of the whole host, from settings: auth providers in the order of
  /// DISPATCH_AUTHENTICATION_PROVIDER_SLUG.
  virtual std::vector<Serving> authProviders() = 0;
};

}  // namespace dispatch::integrations
