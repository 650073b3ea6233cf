#include "base/base.hpp"
#include "cli/commands.hpp"
#include "cli/control_socket.hpp"
#include "cli/local_commands.hpp"
#include "cli/process.hpp"
#include "cli/server.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dispatch::cli {

namespace {

using State = plugin::PackageCheckResult::State;

std::string readText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    throw Problem(Problem::Kind::notFound, "The file " + path + " cannot be read: is it there, and may you?");
  return text.str();
}

const char* textOf(State state) {
  switch (state) {
    case State::passed:
      return "ok";
    case State::failed:
      return "FAILED";
    case State::notReached:
      break;
  }
  return "not reached";
}

/// A package as the server would look at it; lives as long as what it refers to.
struct Examination {
  Json schema;
  plugin::TrustPolicy policy;
  plugin::PackageCandidate candidate;
  std::vector<plugin::PackageCheckResult> results;

  Examination(Installation& installation, const std::string& path)
      : schema(parseJson(readText(installation.settings().paths().contracts + "/plugin.schema.json"),
                         "plugin.schema.json")),
        policy(installation.trustPolicy()),
        candidate{schema, policy, path},
        results(plugin::checkPackage(candidate)) {}
  Examination(const Examination&) = delete;
  Examination& operator=(const Examination&) = delete;

  const plugin::PackageCheckResult* failure() const {
    for (const auto& result : results)
      if (result.state == State::failed) return &result;
    return nullptr;
  }
};

std::string pathOf(const Json& args) {
  auto path = std::filesystem::absolute(textOr(args, "path")).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Json verify(const config::Settings& settings, const Json& args) {
  Installation installation(settings);
  const Examination examined(installation, pathOf(args));
  const auto& candidate = examined.candidate;
  Json checks = Json::array();
  for (const auto& result : examined.results)
    checks.push_back(
        {{"name", result.check->name},
         {"promise", result.check->promise},
         {"state", textOf(result.state)},
         {"detail", result.state == State::notReached ? std::string(result.check->promise) : result.detail}});
  return {{"path", candidate.directory},
          {"id", candidate.manifest.id.empty() ? Json() : Json(candidate.manifest.id)},
          {"version", candidate.manifest.version.empty() ? Json() : Json(candidate.manifest.version)},
          {"digest", candidate.digest},
          {"ok", examined.failure() == nullptr},
          {"trust", examined.failure() == nullptr ? candidate.trust().text() : ""},
          {"checks", checks}};
}

Json install(const config::Settings& settings, const Json& args) {
  Installation installation(settings);
  // Read as whoever called; written as the data's owner, whose server has to find and may remove it.
  const Examination examined(installation, pathOf(args));
  if (const auto* failure = examined.failure())
    throw Problem(Problem::Kind::invalid, "Nothing was installed. Check \"" +
                                              std::string(failure->check->name) +
                                              "\" failed: " + failure->detail);
  becomeOwnerOf(settings.paths().var);
  needWritableDirectory(settings.paths().var, "the installed packages (DISPATCH_DATA_DIR)");
  const auto& manifest = examined.candidate.manifest;
  const auto store = installation.packageStore();
  const auto directory = store.install(examined.candidate);
  const auto searched = settings.list("DISPATCH_PLUGIN_DIRS");
  Json next = Json::array();
  if (std::find(searched.begin(), searched.end(), store.directory()) == searched.end())
    next.push_back("Add " + store.directory() + " to DISPATCH_PLUGIN_DIRS (" +
                   settings.origin("DISPATCH_PLUGIN_DIRS").source + "), where it is not");
  if (const auto pin = installation.ledger()->pinned(manifest.id); pin && pin->version != manifest.version)
    next.push_back("It is pinned to version " + pin->version + ": dispatch plugins pin " + manifest.id + ' ' +
                   manifest.version);
  if (ControlSocket::ask(controlSocketPath(settings), "server.status", Json::object()))
    next.push_back("Take it into use, without a restart: dispatch plugins reload " + manifest.id);
  next.push_back("Enable it where it is to serve: dispatch plugins enable " + manifest.id);
  return {{"id", manifest.id},
          {"version", manifest.version},
          {"directory", directory},
          {"digest", examined.candidate.digest},
          {"trust", examined.candidate.trust().text()},
          {"next", next}};
}

Json trustKey(const config::Settings& settings, const Json& args) {
  const auto instant = [&](const char* name) -> std::optional<Instant> {
    const auto text = textOr(args, name);
    if (text.empty()) return std::nullopt;
    if (auto found = parseInstant(text)) return found;
    throw Problem(Problem::Kind::invalid, "\"" + text + "\" is no date; expected is e.g. 2028-01-31");
  };
  plugin::TrustedKey key;
  key.name = textOr(args, "name");
  const auto given = textOr(args, "key");
  // A key is base64, so it may look like a path: what names a file is one.
  std::error_code error;
  key.key = given.starts_with("RW") && !std::filesystem::exists(given, error)
                ? plugin::minisign::parsePublicKey(given, "The key given")
                : plugin::minisign::parsePublicKey(readText(given), given);
  key.ids = args.value("ids", std::vector<std::string>());
  key.notBefore = instant("not_before");
  key.notAfter = instant("not_after");
  return plugin::describe(trustFiles(settings).add(std::move(key)));
}

Json withEndOfTrust(Json entry) {
  entry["next"] = {
      "It counts at once: nothing that this let run is started again, in a running server either",
      "What runs already goes on until it ends, and dispatch plugins list says so; end it with: dispatch "
      "plugins "
      "disable ID"};
  return entry;
}

Json listTrust(const config::Settings& settings) {
  const auto store = trustFiles(settings).load();
  Json all = Json::array();
  for (const auto& key : store.keys()) all.push_back(plugin::describe(key));
  for (const auto& package : store.revokedPackages())
    all.push_back({{"name", "package"},
                   {"key_id", package.digest},
                   {"ids", Json::array()},
                   {"revoked", package.reason},
                   {"origin", "operator"},
                   {"file", package.file}});
  return all;
}

/// Where a plugin is enabled, as text; "" if nowhere.
std::string whereEnabled(CommandContext& context, const std::string& id) {
  auto& installation = context.installation;
  std::string places;
  const auto add = [&](const std::string& place) { places += (places.empty() ? "" : ", ") + place; };
  for (const auto& row :
       installation.database().session()->query("SELECT id FROM organization ORDER BY slug"))
    for (const auto& enablement : installation.integrations().list(row.integer("id"), std::nullopt))
      if (enablement.pluginId == id && enablement.enabled)
        add(enablement.organization + '/' + enablement.project);
  for (const char* setting : {"DISPATCH_AUTHENTICATION_PROVIDER_SLUG", "SECRET_PROVIDER"}) {
    const auto chosen = installation.settings().list(setting);
    if (std::find(chosen.begin(), chosen.end(), id) != chosen.end()) add(setting);
  }
  return places;
}

Json removePackage(CommandContext& context, const Json& args) {
  const auto id = textOr(args, "id");
  auto version = textOr(args, "version");
  const auto store = context.installation.packageStore();
  const auto versions = store.versions(id);
  std::string known;
  for (const auto& one : versions) known += (known.empty() ? "" : ", ") + one;
  if (versions.empty())
    throw Problem(Problem::Kind::notFound,
                  "No package of " + id + " was installed by dispatch plugins install: " + store.directory() +
                      " has none");
  if (version.empty() && versions.size() > 1)
    throw Problem(Problem::Kind::conflict,
                  "There are several versions of " + id + ": " + known + ". Say which one with --version");
  if (version.empty()) version = versions.front();
  if (std::find(versions.begin(), versions.end(), version) == versions.end())
    throw Problem(Problem::Kind::notFound,
                  "Version " + version + " of " + id + " is not there; there is " + known);
  const auto directory = store.directoryOf(id, version);
  const auto used = context.installation.catalog().find(id);
  const bool isUsed = used && used->usable && used->directory == directory;
  if (!args.value("force", false) && (isUsed || !used || !used->usable))
    if (const auto places = whereEnabled(context, id); !places.empty())
      throw Problem(Problem::Kind::conflict, "Plugin " + id + " is enabled in " + places +
                                                 ". Disable it there first (dispatch plugins disable " + id +
                                                 "), or say --force");
  store.remove(directory);
  Json next = Json::array();
  if (isUsed) next.push_back("The running server keeps it until it is restarted");
  return {{"id", id}, {"version", version}, {"removed", directory}, {"next", next}};
}

/// For what a running server does not do by itself.
std::string takeIntoUse(const std::string& id) {
  return "A running server takes it into use, without a restart, with: dispatch plugins reload " + id;
}

Json pin(CommandContext& context, const Json& args) {
  const auto id = textOr(args, "id"), version = textOr(args, "version");
  const auto plainWord = [](const std::string& text) {
    return !text.empty() && text.size() <= 64 &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+") ==
               std::string::npos;
  };
  if (!plainWord(id) || !plainWord(version) || version.find('.') == std::string::npos)
    throw Problem(Problem::Kind::invalid, "\"" + id + "\" and \"" + version +
                                              "\" should be a plugin's id and a version such as 1.2.0");
  const auto made = context.installation.ledger()->pin(id, version, textOr(args, "actor"));
  bool installed = false;
  const auto versions = context.installation.packageStore().versions(id);
  installed = std::find(versions.begin(), versions.end(), version) != versions.end();
  for (const auto& package : context.installation.catalog().list())
    installed = installed || (package.id == id && (package.manifest.version == version ||
                                                   package.directory.ends_with('@' + version)));
  Json next = Json::array();
  if (!installed) next.push_back("That version is not installed yet: dispatch plugins install PATH");
  next.push_back(takeIntoUse(id));
  return {{"id", id},
          {"version", version},
          {"downgrade_from", made.downgradeFrom.empty() ? Json() : Json(made.downgradeFrom)},
          {"next", next}};
}

Json unpin(CommandContext& context, const Json& args) {
  const auto id = textOr(args, "id");
  if (!context.installation.ledger()->unpin(id, textOr(args, "actor")))
    throw Problem(Problem::Kind::notFound, "Plugin " + id + " is not pinned");
  return {{"id", id}, {"version", Json()}, {"next", {takeIntoUse(id)}}};
}

Json listQuarantine(CommandContext& context, const Json&) {
  Json all = Json::array();
  const auto packages = context.installation.catalog().list();
  for (const auto& [digest, entry] : context.installation.ledger()->quarantines()) {
    const auto found = std::find_if(packages.begin(), packages.end(),
                                    [&](const auto& package) { return package.digest == digest; });
    all.push_back({{"id", found == packages.end() ? "" : found->id},
                   {"version", found == packages.end() ? "" : found->manifest.version},
                   {"digest", digest},
                   {"since", entry.since},
                   {"crashes", entry.crashes},
                   {"reason", entry.reason}});
  }
  return all;
}

Json releasePackage(CommandContext& context, const Json& args) {
  const auto digest = textOr(args, "digest");
  if (!context.installation.ledger()->release(digest, textOr(args, "actor")))
    throw Problem(Problem::Kind::notFound, "No package with the digest \"" + digest + "\" is in quarantine");
  std::string id;
  for (const auto& package : context.installation.catalog().list())
    if (package.digest == digest) id = package.id;
  return {{"digest", digest},
          {"next",
           {"It may run again at once, and what a running server has loaded of it serves again by itself "
            "within a "
            "minute",
            takeIntoUse(id.empty() ? "ID" : id)}}};
}

}  // namespace

std::optional<Json> runOnPackages(const config::Settings& settings, const Invocation& invocation) {
  const auto& command = invocation.command;
  const auto& args = invocation.args;
  if (command == "plugins.verify") return verify(settings, args);
  if (command == "plugins.install") return install(settings, args);
  if (command == "plugins.trust.list") return listTrust(settings);
  if (command == "plugins.trust.add") return trustKey(settings, args);
  if (command == "plugins.trust.remove")
    return withEndOfTrust(plugin::describe(trustFiles(settings).remove(textOr(args, "key"))));
  if (command == "plugins.trust.revoke")
    return withEndOfTrust(trustFiles(settings).revoke(textOr(args, "key"), textOr(args, "reason")));
  return std::nullopt;
}

void addPackageCommands(std::map<std::string, Command>& all) {
  all["plugins.remove"] = removePackage;
  all["plugins.pin"] = pin;
  all["plugins.unpin"] = unpin;
  all["plugins.quarantine.list"] = listQuarantine;
  all["plugins.quarantine.release"] = releasePackage;
}

}  // namespace dispatch::cli
