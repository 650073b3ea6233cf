#include "cli/local_commands.hpp"

#include "base/base.hpp"
#include "cli/control_socket.hpp"
#include "cli/installation.hpp"
#include "cli/output.hpp"
#include "cli/process.hpp"
#include "cli/server.hpp"

#include <sodium.h>
#include <sys/stat.h>

#include <unistd.h>
#include <filesystem>
#include <fstream>

#include <iostream>

namespace dispatch::cli {

namespace {

bool serverRuns(const config::Settings& settings) {
  return ControlSocket::ask(controlSocketPath(settings), "server.status", Json::object()).has_value();
}

void refuseWhileServerRuns(const config::Settings& settings, const std::string& what) {
  if (serverRuns(settings))
    throw Problem(
        Problem::Kind::conflict,
        what +
            " while the server runs would pull the data from under it. Stop it first: dispatch server stop");
}

Json encrypt(const config::Settings& settings, const Json& args) {
  Installation installation(settings);
  std::string provider = textOr(args, "provider");
  if (provider.empty()) provider = installation.secrets().defaultProvider();
  if (provider.empty()) provider = "sodium";
  const std::string name = textOr(args, "name");
  std::string value = readPassword("Value of " + name, true, args.value("stdin", false) || ::isatty(0) == 0);
  const auto text = installation.secrets().encrypt(provider, name, value);
  sodium_memzero(value.data(), value.size());
  return {{"name", name}, {"value", text}, {"line", name + "=" + text}};
}

/// What people entered, sealed with DISPATCH_ENCRYPTION_KEY.
void lookIntoDatabase(Installation& installation, Json& findings) {
  const auto& settings = installation.settings();
  std::error_code ignored;
  if (!settings.has("DATABASE_HOSTNAME") &&
      !std::filesystem::exists(installation.databaseOptions().path, ignored))
    return;  // there is none yet, and looking must not make one
  becomeOwnerOf(settings.paths().var);
  try {
    if (store::schemaVersion(installation.databaseOfAnySchema()) == 0) return;
    for (const auto& secret : integrations::sealedSecrets(
             installation.catalog(), *installation.database().session(), installation.envelope()))
      findings.push_back({{"name", secret.name},
                          {"origin", "database"},
                          {"state", secret.reason.empty() ? "ok" : "unreadable"},
                          {"detail", secret.reason.empty() ? "opened" : secret.reason}});
  } catch (const Problem& problem) {
    findings.push_back({{"name", "secrets of the database"},
                        {"origin", "database"},
                        {"state", "not checked"},
                        {"detail", problem.what()}});
  }
}

Json doctor(const config::Settings& settings) {
  Json findings = Json::array();
  Installation installation(settings);
  const auto look = [&](const std::string& name, const std::string& origin, const config::SecretText& stored,
                        bool required, bool plain) {
    Json finding{{"name", name}, {"origin", origin}, {"detail", ""}};
    if (stored.empty()) {
      finding["state"] = required ? "missing" : "not set";
      if (required) finding["detail"] = "Make one with: dispatch secret generate";
      findings.push_back(finding);
      return;
    }
    try {
      const std::string text(stored.reveal());
      const bool encrypted = !plain && (text.starts_with("ENC[") || text.starts_with("secret://") ||
                                        !installation.secrets().defaultProvider().empty());
      const auto size = plain ? text.size() : installation.secrets().resolve(name, text).size();
      finding["state"] = "ok";
      finding["detail"] = encrypted ? "decrypted" : "plain text in its file";
      if (required && size < 32) {
        finding["state"] = "too short";
        finding["detail"] = std::to_string(size) + " characters; at least 32 are needed";
      }
    } catch (const Problem& problem) {
      finding["state"] = "unreadable";
      finding["detail"] = problem.what();
    }
    findings.push_back(finding);
  };
  for (const auto& setting : config::settings()) {
    if (!setting.secret()) continue;
    const bool key = setting.name == "DISPATCH_ENCRYPTION_KEY" || setting.name == "DISPATCH_JWT_SECRET";
    look(setting.name, settings.origin(setting.name).source, settings.secret(setting.name), key, false);
  }
  for (const auto& secret : integrations::pluginSecrets(installation.catalog(), settings))
    look(secret.name, secret.origin, secret.stored, false, secret.plain);
  // Placeholders and the rest of what the start checks.
  try {
    installation.resolveSecrets();
  } catch (const Problem& problem) {
    findings.push_back({{"name", "start"}, {"origin", ""}, {"state", "refused"}, {"detail", problem.what()}});
    return findings;  // the key that opens the database's is one of them
  }
  lookIntoDatabase(installation, findings);
  return findings;
}

Json dumpDatabase(const config::Settings& settings, const std::string& file) {
  std::ofstream out;
  if (file != "-") {
    // Opened by whoever called, before this process becomes the data's owner; readable by nobody else.
    const auto before = ::umask(0077);
    out.open(file, std::ios::binary | std::ios::trunc);
    ::umask(before);
    if (!out) throw Problem(Problem::Kind::invalid, "The file " + file + " cannot be written");
  }
  becomeOwnerOf(settings.paths().var);
  Installation installation(settings);
  std::ostream& stream = file == "-" ? std::cout : out;
  store::dump(installation.database(), stream);
  if (!stream.flush())
    throw Problem(Problem::Kind::unavailable,
                  "The dump could not be written to its end (is the disk full?): " + file);
  return file == "-" ? Json() : Json{{"file", file}, {"bytes", std::filesystem::file_size(file)}};
}

Json restoreDatabase(const config::Settings& settings, const std::string& file) {
  refuseWhileServerRuns(settings, "Restoring");
  std::ifstream in;
  if (file != "-") {
    in.open(file, std::ios::binary);
    if (!in) throw Problem(Problem::Kind::notFound, "The file " + file + " cannot be read");
  }
  becomeOwnerOf(settings.paths().var);
  std::unique_ptr<DataLock> lock;
  needWritableDirectory(settings.paths().var, "the data (DISPATCH_DATA_DIR)");
  if (!settings.has("DATABASE_HOSTNAME")) lock = std::make_unique<DataLock>(settings.paths().var, 2);
  Installation installation(settings);
  const auto restored = store::restore(installation.databaseOfAnySchema(), file == "-" ? std::cin : in);
  return {{"rows", restored.rows}, {"schema_of_the_dump", restored.schema}};
}

Json prepareDatabase(const config::Settings& settings, bool defaults) {
  becomeOwnerOf(settings.paths().var);
  std::unique_ptr<DataLock> lock;
  if (!serverRuns(settings) && !settings.has("DATABASE_HOSTNAME")) {
    needWritableDirectory(settings.paths().var, "the SQLite database (DISPATCH_DATA_DIR, " +
                                                    settings.origin("DISPATCH_DATA_DIR").source + ")");
    lock = std::make_unique<DataLock>(settings.paths().var, 10);
  }
  Installation installation(settings);
  auto& database = installation.databaseOfAnySchema();
  const auto applied = store::upgrade(database);
  if (defaults) {
    store::ensureDefaults(database);
    installation.integrations().stop();  // has made the rows of the plugins
  }
  return {{"applied", applied}, {"schema", store::schemaVersion(database)}};
}

Json dropDatabase(const config::Settings& settings, bool yes) {
  refuseWhileServerRuns(settings, "Dropping");
  const std::string name = settings.has("DATABASE_HOSTNAME") ? settings.text("DATABASE_NAME")
                                                             : settings.paths().var + "/dispatch.db";
  if (!yes &&
      !confirmed("This removes every incident, person and setting in " + name + ". Type drop to go on: ",
                 "drop"))
    throw Problem(Problem::Kind::conflict, "Nothing was dropped. Where nobody can be asked, say --yes");
  becomeOwnerOf(settings.paths().var);
  std::unique_ptr<DataLock> lock;
  if (!settings.has("DATABASE_HOSTNAME")) lock = std::make_unique<DataLock>(settings.paths().var, 2);
  Installation installation(settings);
  store::drop(installation.databaseOfAnySchema());
  return {{"dropped", name}};
}

}  // namespace

std::optional<Json> runWithoutSettings(const Invocation& invocation) {
  if (invocation.command == "secret.generate") return randomToken(36);
  if (invocation.command == "secret.keygen") {
    unsigned char key[crypto_box_SECRETKEYBYTES];
    if (sodium_init() < 0)
      throw Problem(Problem::Kind::internal, "libsodium could not be initialised (no random source?)");
    randombytes_buf(key, sizeof key);
    const Json text = toBase64({reinterpret_cast<const char*>(key), sizeof key});
    sodium_memzero(key, sizeof key);
    return text;
  }
  return std::nullopt;
}

std::optional<Json> runLocally(const config::Settings& settings, const Invocation& invocation) {
  const auto& command = invocation.command;
  const auto& args = invocation.args;
  if (command == "server.config") return settings.describe();
  if (auto answer = runOnPackages(settings, invocation)) return answer;
  if (command == "secret.encrypt") {
    Json made = encrypt(settings, args);
    return invocation.json ? made : made["line"];
  }
  if (command == "secret.doctor") return doctor(settings);
  if (command == "database.init") return prepareDatabase(settings, true);
  if (command == "database.upgrade") return prepareDatabase(settings, false);
  if (command == "database.dump") return dumpDatabase(settings, textOr(args, "file"));
  if (command == "database.restore") return restoreDatabase(settings, textOr(args, "file"));
  if (command == "database.drop") return dropDatabase(settings, args.value("yes", false));
  return std::nullopt;
}

bool allWell(const Json& findings) {
  for (const auto& finding : findings)
    if (finding["state"] != "ok" && finding["state"] != "not set") return false;
  return true;
}

}  // namespace dispatch::cli
