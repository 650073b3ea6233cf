#include "cli/installation.hpp"

#include "api/api.hpp"
#include "base/base.hpp"
#include "cli/process.hpp"

#include <Poco/Logger.h>

#include <filesystem>
#include <thread>

namespace dispatch::cli {

namespace {

constexpr const char* builtIn[] = {"dispatch-ticket", "dispatch-contact", "dispatch-participant-resolver"};

/// A value of a libpq connection string: quoted, as its grammar wants.
std::string connectionValue(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

}  // namespace

std::string version() { return DISPATCH_VERSION; }

Installation::Installation(config::Settings settings)
    : _settings(std::move(settings)),
      _secrets(_settings, [this]() -> plugin::Catalog& { return catalog(); }) {}

Installation::~Installation() {
  if (_integrations) _integrations->stop();
  _outside.unbind();
}

plugin::TrustFiles trustFiles(const config::Settings& settings) {
  return {settings.paths().trust, settings.paths().etc + "/trust.d"};
}

const std::shared_ptr<plugin::Ledger>& Installation::ledger() {
  std::lock_guard lock(_mutex);
  if (!_ledger) _ledger = std::make_shared<plugin::Ledger>(_settings.paths().var + "/plugins/ledger.json");
  return _ledger;
}

plugin::TrustPolicy Installation::trustPolicy() {
  plugin::TrustPolicy policy;
  policy.store = trustFiles(_settings).load();
  policy.unsignedAllowed = plugin::readUnsigned(_settings);
  policy.ledger = ledger();
  return policy;
}

std::vector<std::string> pluginDirectories(const config::Settings& settings) {
  auto directories = settings.list("DISPATCH_PLUGIN_DIRS");
  if (directories.empty()) directories = {settings.paths().plugins, settings.paths().packages};
  return directories;
}

std::vector<std::string> Installation::keptInSafeMode() const {
  std::vector<std::string> kept(std::begin(builtIn), std::end(builtIn));
  for (const auto& id : _settings.list("DISPATCH_AUTHENTICATION_PROVIDER_SLUG")) kept.push_back(id);
  kept.push_back(_secrets.defaultProvider());
  return kept;
}

plugin::Catalog& Installation::catalog() {
  std::lock_guard lock(_mutex);
  if (_catalog) return *_catalog;
  plugin::CatalogOptions options;
  options.searchPath = pluginDirectories();
  for (const auto& directory : options.searchPath) {
    std::error_code ignored;
    // That of installed packages is not there before the first one.
    if (directory == _settings.paths().packages || std::filesystem::is_directory(directory, ignored))
      continue;
    Poco::Logger::get("dispatch.plugin")
        .warning("DISPATCH_PLUGIN_DIRS (%s): there is no directory %s",
                 _settings.origin("DISPATCH_PLUGIN_DIRS").source, directory);
  }
  options.trust = plugin::trustSource(trustFiles(_settings), trustPolicy());
  options.contractsDirectory = _settings.paths().contracts;
  options.allowances = plugin::readAllowances(_settings.yaml());
  options.commands = plugin::readCommands(_settings.yaml());
  options.isolation = plugin::readIsolation(_settings.yaml());
  options.workerProgram = _settings.paths().worker;
  options.workerMemoryBytes = static_cast<std::uint64_t>(_settings.integer("DISPATCH_WORKER_MEMORY_MB"))
                              << 20;
  options.crashDirectory = crashDirectory();
  if (_settings.boolean("DISPATCH_SAFE_MODE")) {
    const auto kept = keptInSafeMode();
    for (const auto& directory : options.searchPath) {
      std::error_code ignored;
      for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
        const auto name = entry.path().filename().string();  // <id> or <id>@<version>
        const auto id = name.substr(0, name.find('@'));
        if (std::find(kept.begin(), kept.end(), id) == kept.end()) options.skip.push_back(id);
      }
    }
  }
  _catalog = plugin::Catalog::open(std::move(options), _outside);
  return *_catalog;
}

void Installation::resolveSecrets() {
  std::lock_guard lock(_mutex);
  if (_resolved) return;
  _settings.resolveSecrets(
      [this](const std::string& name, const std::string& stored) { return _secrets.resolve(name, stored); });
  for (const char* name : {"DISPATCH_ENCRYPTION_KEY", "DISPATCH_JWT_SECRET"}) {
    const auto size = _settings.secret(name).size();
    if (size >= 32) continue;
    throw Problem(Problem::Kind::invalid,
                  std::string(name) +
                      (size == 0 ? " is not set"
                                 : " (" + _settings.origin(name).source + ") has " + std::to_string(size) +
                                       " characters and needs at least 32") +
                      ". Put one into " + _settings.paths().etc + "/.env:  echo \"" + name +
                      "=$(dispatch secret generate)\" >> " + _settings.paths().etc + "/.env",
                  {name});
  }
  _resolved = true;
}

const config::Envelope& Installation::envelope() {
  std::lock_guard lock(_mutex);
  resolveSecrets();
  if (!_envelope) _envelope = std::make_unique<config::Envelope>(_settings.secret("DISPATCH_ENCRYPTION_KEY"));
  return *_envelope;
}

store::Options Installation::databaseOptions() {
  std::lock_guard lock(_mutex);
  resolveSecrets();
  store::Options options;
  options.poolSize = static_cast<std::size_t>(_settings.integer("DATABASE_ENGINE_POOL_SIZE"));
  options.poolTimeout = std::chrono::seconds(_settings.integer("DATABASE_ENGINE_POOL_TIMEOUT"));
  if (!_settings.has("DATABASE_HOSTNAME")) {
    options.dialect = store::Dialect::sqlite;
    options.path = _settings.paths().var + "/dispatch.db";
    return options;
  }
  options.dialect = store::Dialect::postgresql;
  const auto credentials = config::splitCredentials(_settings.secret("DATABASE_CREDENTIALS"));
  options.connectionString = "host=" + connectionValue(_settings.text("DATABASE_HOSTNAME")) +
                             " port=" + std::to_string(_settings.integer("DATABASE_PORT")) +
                             " dbname=" + connectionValue(_settings.text("DATABASE_NAME")) +
                             " connect_timeout=5";
  if (!credentials.user.empty()) options.connectionString += " user=" + connectionValue(credentials.user);
  if (!credentials.password.empty())
    options.connectionString += " password=" + connectionValue(credentials.password.reveal());
  return options;
}

void Installation::openDatabase(std::chrono::seconds wait) {
  std::lock_guard lock(_mutex);
  if (_database) return;
  const auto options = databaseOptions();
  if (options.dialect == store::Dialect::sqlite) {
    needWritableDirectory(_settings.paths().var, "the SQLite database (DISPATCH_DATA_DIR, " +
                                                     _settings.origin("DISPATCH_DATA_DIR").source + ")");
    needWritableFile(options.path, "the SQLite database");
    _database = store::Database::open(options);
    _database->ping();
    return;
  }
  const std::string server = "PostgreSQL at " + _settings.text("DATABASE_HOSTNAME") + " port " +
                             std::to_string(_settings.integer("DATABASE_PORT"));
  const auto begin = std::chrono::steady_clock::now();
  for (int tries = 1;; ++tries) {
    std::string reason;
    try {
      _database = store::Database::open(options);
      _database->ping();
      return;
    } catch (const std::exception& error) {
      _database.reset();
      reason = error.what();
    }
    // A server that answers and refuses will do so in a minute as well.
    const bool refused = reason.find("authentication failed") != std::string::npos ||
                         reason.find("does not exist") != std::string::npos ||
                         reason.find("no pg_hba.conf entry") != std::string::npos ||
                         reason.find("no password supplied") != std::string::npos;
    const auto elapsed = std::chrono::steady_clock::now() - begin;
    if (refused || elapsed >= wait) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
      throw Problem(
          Problem::Kind::unavailable,
          server +
              (refused ? " refuses the connection: " + reason
                       : " did not answer in " + std::to_string(tries) + (tries == 1 ? " try" : " tries") +
                             " within " + std::to_string(seconds) + " s: " + reason) +
              ". Check that it runs, and DATABASE_HOSTNAME (" + _settings.origin("DATABASE_HOSTNAME").source +
              "), DATABASE_PORT, DATABASE_NAME and DATABASE_CREDENTIALS (" +
              _settings.origin("DATABASE_CREDENTIALS").source + ")");
    }
    Poco::Logger::get("dispatch.cli").warning("%s does not answer (%s); trying again", server, reason);
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

store::Database& Installation::databaseOfAnySchema() {
  std::lock_guard lock(_mutex);
  openDatabase(std::chrono::seconds(0));
  return *_database;
}

store::Database& Installation::database() {
  std::lock_guard lock(_mutex);
  auto& database = databaseOfAnySchema();
  if (_schemaChecked) return database;
  const int found = store::schemaVersion(database),
            wanted = store::migrations().empty() ? 0 : store::migrations().back().version;
  if (found == 0)
    throw Problem(Problem::Kind::conflict, "The database is empty. Prepare it with: dispatch database init");
  if (found != wanted)
    throw Problem(Problem::Kind::conflict,
                  "The database has schema " + std::to_string(found) + ", this program works with " +
                      std::to_string(wanted) +
                      (found < wanted ? ". Bring it up to date with: dispatch database upgrade"
                                      : ": a newer program has been at work. Use that one"));
  _schemaChecked = true;
  return database;
}

auth::Accounts& Installation::accounts() {
  std::lock_guard lock(_mutex);
  if (!_accounts) _accounts = std::make_unique<auth::Accounts>(database(), _passwords);
  return *_accounts;
}

const store::Models& Installation::models() {
  std::lock_guard lock(_mutex);
  integrations();
  return *_models;
}

integrations::Integrations& Installation::integrations() {
  std::lock_guard lock(_mutex);
  if (_integrations) return *_integrations;
  auto& data = database();
  auto& plugins = catalog();
  auto made = integrations::Integrations::open(
      plugins, data, _settings, envelope(),
      [this](const std::string& name, const std::string& stored) { return _secrets.resolve(name, stored); });
  _models = std::make_unique<store::Models>(api::describeModels(plugins, *made));
  _outside.bind(data, accounts(), *_models);
  _integrations = std::move(made);
  _integrations->start();
  return *_integrations;
}

}  // namespace dispatch::cli
