#pragma once

#include "auth/auth.hpp"
#include "cli/outside_services.hpp"
#include "cli/secret_resolver.hpp"
#include "config/config.hpp"
#include "incident/incident.hpp"
#include "integrations/integrations.hpp"
#include "plugin/plugin.hpp"
#include "store/store.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dispatch::cli {

std::string version();

/// The files that say whose plugins may run.
plugin::TrustFiles trustFiles(const config::Settings& settings);

/// Where packages lie; some need not exist.
std::vector<std::string> pluginDirectories(const config::Settings& settings);

/// One installation as a command or the server works on it: settings first, everything else made when it is
/// first asked for. [any-thread]
class Installation {
 public:
  explicit Installation(config::Settings settings);
  ~Installation();
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  const config::Settings& settings() const { return _settings; }
  SecretResolver& secrets() { return _secrets; }

  plugin::Catalog& catalog();
  std::vector<std::string> pluginDirectories() const { return cli::pluginDirectories(_settings); }
  /// Ids that safe mode keeps: what came with this program, and what it needs to start and let people in.
  std::vector<std::string> keptInSafeMode() const;
  /// Where processes note what their plugins are at, for the case of a crash (plugin::CrashHistory).
  std::string crashDirectory() const { return _settings.paths().var + "/crash"; }
  /// What is remembered of plugins: which versions served, pins, quarantines.
  const std::shared_ptr<plugin::Ledger>& ledger();
  /// Which packages may run here. Throws Problem where the trust store or `unsigned:` is not understood.
  plugin::TrustPolicy trustPolicy();
  plugin::PackageStore packageStore() const { return plugin::PackageStore(_settings.paths().packages); }
  /// Decrypts every secret setting, once. Throws Problem that names setting, provider, reason.
  void resolveSecrets();
  const config::Envelope& envelope();

  /// What the settings say, secrets resolved. The password is inside.
  store::Options databaseOptions();
  /// Opens it. `wait`: retry for this long while PostgreSQL does not answer, telling of it.
  void openDatabase(std::chrono::seconds wait);
  store::Database&
  database();  ///< opened without waiting if it is not open; throws if its schema is not this build's
  store::Database& databaseOfAnySchema();

  auth::Passwords& passwords() { return _passwords; }
  auth::Accounts& accounts();
  const store::Models& models();
  /// From now on what plugins tell (dispatch.event/1) reaches the incidents, until unbindEvents().
  void bindEvents(incident::Incidents& incidents) { _outside.bindEvents(&incidents); }
  void unbindEvents() { _outside.bindEvents(nullptr); }
  /// Started when first asked for.
  integrations::Integrations& integrations();

 private:
  mutable std::recursive_mutex _mutex;
  config::Settings _settings;
  OutsideServices _outside;
  std::shared_ptr<plugin::Ledger> _ledger;
  std::unique_ptr<plugin::Catalog> _catalog;
  SecretResolver _secrets;
  bool _resolved = false, _schemaChecked = false;
  std::unique_ptr<config::Envelope> _envelope;
  std::unique_ptr<store::Database> _database;
  auth::Passwords _passwords;
  std::unique_ptr<auth::Accounts> _accounts;
  std::unique_ptr<store::Models> _models;
  std::unique_ptr<integrations::Integrations> _integrations;
};

}  // namespace dispatch::cli
