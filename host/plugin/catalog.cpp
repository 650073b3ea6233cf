#include "plugin/catalog.hpp"

#include "base/problem.hpp"
#include "plugin/call/process_instance.hpp"
#include "plugin/package/json_schema.hpp"
#include "plugin/package/package_checks.hpp"
#include "plugin/package/version.hpp"

#include <Poco/Logger.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>

namespace dispatch::plugin {

namespace {

Poco::Logger& logger() { return Poco::Logger::get("dispatch.plugin"); }

/// The schema with its secret fields open for anything: where the plugin sees a configuration they hold
/// {"$secret": n}.
Json withOpenSecrets(Json schema) {
  if (!schema.is_object()) return schema;
  if (const auto mark = schema.find("x-dispatch-secret"); mark != schema.end() && *mark == true)
    return Json::object();
  if (const auto properties = schema.find("properties");
      properties != schema.end() && properties->is_object())
    for (auto& entry : properties->items()) entry.value() = withOpenSecrets(std::move(entry.value()));
  for (const char* key : {"items", "additionalProperties"})
    if (const auto inner = schema.find(key); inner != schema.end() && inner->is_object())
      *inner = withOpenSecrets(std::move(*inner));
  return schema;
}

class LoadedCatalog final : public Catalog {
 public:
  LoadedCatalog(CatalogOptions options, Outside& outside)
      : _options(std::move(options)),
        _outside(outside),
        _runtime(std::make_shared<Runtime>(_options.contractsDirectory)) {
    const auto policy = _options.trust();
    _runtime->ledger = policy->ledger;
    _runtime->trust = _options.trust;
    if (!_options.crashDirectory.empty()) keepCrashRecord();
    if (!_options.workerProgram.empty()) {
      _runtime->workers = std::make_shared<WorkerHouse>();
      _runtime->workers->program = _options.workerProgram;
      _runtime->workers->memoryBytes = _options.workerMemoryBytes;
      _runtime->workers->crashDirectory = _options.crashDirectory;
      _runtime->workers->ledger = policy->ledger;
      _runtime->workers->trust = _options.trust;
    }
    _entries = scanAll(*policy);
    choose(_entries);
  }

  std::vector<Installed> list() const override {
    const std::shared_lock lock(_mutex);
    std::vector<Installed> all;
    for (const auto& entry : _entries) all.push_back(asOfNow(entry));
    return all;
  }

  std::optional<Installed> find(std::string_view id) const override {
    const auto entry = entryOf(id);
    return entry ? std::optional(asOfNow(*entry)) : std::nullopt;
  }

  Installed reload(std::string_view id) override {
    const std::lock_guard one(_reloading);
    auto found = scanAll(*_options.trust());
    std::erase_if(found, [&](const Entry& entry) { return entry.installed.id != id; });
    choose(found);
    const auto usable =
        std::find_if(found.begin(), found.end(), [](const Entry& entry) { return entry.installed.usable; });
    if (usable == found.end()) refuseReload(id, std::move(found));
    const auto installed = usable->installed;
    const std::unique_lock lock(_mutex);
    std::erase_if(_entries, [&](const Entry& entry) { return entry.installed.id == id; });
    std::move(found.begin(), found.end(), std::back_inserter(_entries));
    return installed;
  }

  std::shared_ptr<Instance> create(std::string_view id, const Scope& scope,
                                   Configuration configuration) override {
    const auto entry = entryOf(id);
    if (!entry)
      throw Problem(Problem::Kind::notFound,
                    "Plugin " + std::string(id) + " is not installed. Installed are: " + ids() + ".");
    const auto installed = asOfNow(*entry);
    if (!installed.usable)
      throw Problem(Problem::Kind::invalid,
                    "Plugin " + installed.name() + " is not usable: " + installed.reason)
          .withType("plugin_unusable");
    if (const auto violations =
            validate(withOpenSecrets(installed.manifest.configurationSchema), configuration.value);
        !violations.empty())
      throw Problem(Problem::Kind::invalid,
                    "The configuration of plugin " + installed.id +
                        " is not valid: " + JsonSchema::sentence(violations) + ".",
                    violations.front().location)
          .withType("plugin_configuration");
    ProcessInstance::Parts parts{_runtime,      entry->library,      installed.manifest,
                                 scope,         _options.allowances, _options.commands,
                                 _options.http, entry->credentials};
    parts.scope.pluginId = installed.id;
    return std::make_shared<ProcessInstance>(std::move(parts), _outside, configuration);
  }

  void settled() override {
    const std::shared_lock lock(_mutex);
    for (const auto& entry : _entries)
      if (const auto* library = dynamic_cast<const WorkerLibrary*>(entry.library.get()))
        library->letGoOfSpare();
  }

  const Json* contract(std::string_view type) const override { return _runtime->contracts.contract(type); }
  std::vector<std::string> types() const override { return _runtime->contracts.types(); }

 private:
  struct Entry {
    Installed installed;
    std::shared_ptr<const Library> library;  ///< of the one in use
    Credentials credentials = {};
    std::optional<Package> package = {};  ///< sound, until it is known which of its id is used
    bool lower = false;                   ///< refused because a higher version has served
  };

  /// Without a record the plugins still work, and a person at the command line may not be allowed to write
  /// there.
  void keepCrashRecord() {
    try {
      _runtime->recorder = FlightRecorder::open(_options.crashDirectory);
    } catch (const Problem& problem) {
      logger().warning(problem.what());
    }
  }

  std::optional<Ledger::Pin> pinOf(const std::string& id) const {
    return _runtime->ledger ? _runtime->ledger->pinned(id) : std::nullopt;
  }

  static bool isPinned(const Entry& entry, const std::optional<Ledger::Pin>& pin) {
    return pin && entry.installed.manifest.version == pin->version;
  }

  /// Which of two versions of a plugin serves if both can.
  static bool goesBefore(const Entry& left, const Entry& right, const std::optional<Ledger::Pin>& pin) {
    if (isPinned(left, pin) != isPinned(right, pin)) return isPinned(left, pin);
    return compareVersions(left.installed.manifest.version, right.installed.manifest.version) > 0;
  }

  /// The one in use, else the one that would be if nothing was wrong with it. Of `entries` of one id.
  static const Entry* leading(const std::vector<const Entry*>& entries,
                              const std::optional<Ledger::Pin>& pin) {
    const Entry* first = nullptr;
    for (const auto* entry : entries) {
      if (entry->library) return entry;
      // One that is too low to follow what served would not serve whatever else was mended.
      if (first == nullptr || (first->lower && !entry->lower) ||
          (first->lower == entry->lower && goesBefore(*entry, *first, pin)))
        first = entry;
    }
    return first;
  }

  std::optional<Entry> entryOf(std::string_view id) const {
    const auto pin = pinOf(std::string(id));
    const std::shared_lock lock(_mutex);
    std::vector<const Entry*> ofId;
    for (const auto& entry : _entries)
      if (entry.installed.id == id) ofId.push_back(&entry);
    const auto* found = leading(ofId, pin);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }

  Installed asOfNow(const Entry& entry) const {
    auto installed = entry.installed;
    if (!installed.usable) return installed;
    installed.reason = _runtime->refusal(entry.credentials);
    installed.usable = installed.reason.empty();
    return installed;
  }

  /// None of `found` can be used: what is in use stays, and people see what is wrong with the rest.
  [[noreturn]] void refuseReload(std::string_view id, std::vector<Entry> found) {
    std::vector<const Entry*> all;
    for (const auto& entry : found) all.push_back(&entry);
    const auto* first = leading(all, pinOf(std::string(id)));
    auto sentence =
        "Plugin " + (first ? first->installed.name() : std::string(id)) +
        (first ? " cannot be reloaded: " + first->installed.reason : " is not installed any more.");
    const std::unique_lock lock(_mutex);
    std::erase_if(_entries, [&](const Entry& entry) { return entry.installed.id == id && !entry.library; });
    const auto inUse = std::find_if(_entries.begin(), _entries.end(),
                                    [&](const Entry& entry) { return entry.installed.id == id; });
    if (inUse != _entries.end()) {
      sentence += " What served before goes on serving.";
      std::erase_if(
          found, [&](const Entry& entry) { return entry.installed.directory == inUse->installed.directory; });
    }
    const auto kind = first ? Problem::Kind::invalid : Problem::Kind::notFound;
    std::move(found.begin(), found.end(), std::back_inserter(_entries));
    throw Problem(kind, sentence).withType("plugin_reload");
  }

  std::string ids() const {
    const std::shared_lock lock(_mutex);
    std::string text;
    for (const auto& entry : _entries) text += (text.empty() ? "" : ", ") + entry.installed.id;
    return text.empty() ? "none" : text;
  }

  /// Everything on the search path, read and verified; nothing is loaded yet.
  std::vector<Entry> scanAll(const TrustPolicy& policy) const {
    std::vector<Entry> found;
    for (const auto& directory : _options.searchPath) scan(directory, policy, found);
    return found;
  }

  void scan(const std::string& directory, const TrustPolicy& policy, std::vector<Entry>& found) const {
    std::vector<std::filesystem::path> packages;
    std::error_code error;
    for (std::filesystem::directory_iterator item(directory, error), end; !error && item != end;
         item.increment(error))
      if (const auto name = item->path().filename().string();
          name.front() != '.' && (item->is_directory(error) || item->is_symlink(error)))
        packages.push_back(item->path());
    if (error == std::errc::no_such_file_or_directory) return;
    if (error) {
      logger().warning("The plugin directory " + directory + " cannot be read: " + error.message() + ".");
      return;
    }
    std::sort(packages.begin(), packages.end());
    for (const auto& package : packages) found.push_back(read(package, policy));
  }

  /// Directories are called <id> or <id>@<version>.
  Entry read(const std::filesystem::path& path, const TrustPolicy& policy) const {
    Entry entry;
    auto& installed = entry.installed;
    installed.id = path.filename().string();
    const auto at = std::min(installed.id.find('@'), installed.id.size());
    installed.manifest.version = installed.id.substr(std::min(at + 1, installed.id.size()));
    installed.id.resize(at);
    installed.directory = path.string();
    PackageCandidate candidate{_runtime->contracts.manifestSchema(), policy, path.string()};
    try {
      auto package = readPackage(candidate);
      installed.id = package.manifest.id;
      installed.manifest = package.manifest;
      installed.digest = package.digest;
      installed.trust = package.trust;
      entry.credentials = package.credentials;
      check(installed);
      entry.package = std::move(package);
    } catch (const Problem& problem) {
      installed.digest = candidate.digest;
      entry.lower = problem.type() == "plugin_rollback";
      if (entry.lower || problem.type() == "plugin_quarantine") {  // who signed it was checked before
        installed.id = candidate.manifest.id;
        installed.manifest = candidate.manifest;
        installed.trust = candidate.trust();
      }
      refuse(installed, problem.what());
    } catch (const std::exception& problem) {
      refuse(installed, problem.what());
    }
    return entry;
  }

  std::string homeOf(const Installed& installed) const {
    if (!_runtime->workers) return "process";
    for (const auto& key : {installed.id, std::string("*")})
      if (const auto chosen = _options.isolation.find(key); chosen != _options.isolation.end())
        return chosen->second;
    const auto& type = installed.manifest.type;
    const bool guarded = type == "auth-provider" || type == "secret-provider";
    return guarded || !installed.trust.firstParty ? "worker" : "process";
  }

  /// Constructors of a library run when it is loaded, before any look at what it says: the first load is in a
  /// worker, whichever home it gets.
  std::shared_ptr<const Library> load(const Package& package, const std::string& home) {
    if (home == "process") countGeneration(package);
    if (!_runtime->workers) return loadHere(package);
    auto isolated = WorkerLibrary::open(_runtime->workers, _runtime->watch, package);
    if (home == "worker") return isolated;
    // What the sandbox refused its constructors there, nothing would refuse them here.
    if (const auto& denied = isolated->deniedWhileLoaded(); !denied.empty())
      throw Problem(Problem::Kind::invalid,
                    package.manifest.library + " of plugin " + package.manifest.id +
                        " tries the system call " + denied +
                        " while it is being loaded, before anybody has called it. Its author moves that from "
                        "a static constructor to create or start; until then it can live in a worker "
                        "(isolation: in dispatch.yaml), where the sandbox refuses it.")
          .withType("plugin_library");
    return loadHere(package);
  }

  std::shared_ptr<const Library> loadHere(const Package& package) const {
    const FlightRecorder::Flight flight(
        _runtime->recorder.get(), {package.manifest.id, package.manifest.version, package.buildId, "load"});
    return Library::load(package);
  }

  /// What was once loaded into this process stays there: so many versions of one plugin, and no more.
  void countGeneration(const Package& package) {
    constexpr std::size_t most = 16;
    auto& loaded = _generations[package.manifest.id];
    if (loaded.contains(package.digest)) return;
    if (loaded.size() >= most)
      throw Problem(
          Problem::Kind::invalid,
          std::to_string(most) + " versions of plugin " + package.manifest.id +
              " were loaded into the server's process since it started, and none can be taken out again. "
              "Restart the server, or let the plugin live in a worker (isolation: in dispatch.yaml).");
    loaded.insert(package.digest);
  }

  static void refuse(Installed& installed, const std::string& reason) {
    installed.reason = reason;
    logger().warning("The plugin package " + installed.directory + " is not usable: " + reason);
  }

  /// Loads one package of each id: the pinned version, else the highest, else the next that can be loaded.
  void choose(std::vector<Entry>& entries) {
    std::map<std::string, std::vector<Entry*>> sound;
    for (auto& entry : entries)
      if (entry.package) sound[entry.installed.id].push_back(&entry);
    for (auto& [id, candidates] : sound) {
      const auto pin = pinOf(id);
      std::stable_sort(candidates.begin(), candidates.end(),
                       [&](const Entry* left, const Entry* right) { return goesBefore(*left, *right, pin); });
      const Entry* used = nullptr;
      for (auto* entry : candidates)
        if (used == nullptr && load(*entry)) used = entry;
      if (used == nullptr) continue;
      if (pin && !isPinned(*used, pin))
        logger().warning(
            "Plugin %s is pinned to version %s, which is not there or not usable; version %s is used.", id,
            pin->version, used->installed.manifest.version);
      if (pin && isPinned(*used, pin))
        logger().notice(
            "Plugin %s is version %s: pinned since %s by %s%s.", id, pin->version, pin->at, pin->by,
            pin->downgradeFrom.empty() ? std::string()
                                       : ", lower than " + pin->downgradeFrom + ", which had served");
      for (auto& entry : entries)
        if (&entry != used && entry.installed.id == id && (entry.package || entry.lower)) {
          entry.installed.notUsed = true;
          entry.installed.reason = "not used: version " + used->installed.manifest.version + " in " +
                                   used->installed.directory +
                                   (isPinned(*used, pin) ? " is pinned." : " is.") +
                                   (entry.lower ? ' ' + entry.installed.reason : "");
        }
    }
    for (auto& entry : entries) entry.package.reset();
  }

  bool load(Entry& entry) {
    try {
      entry.library = load(*entry.package, homeOf(entry.installed));
      entry.installed.home = entry.library->home();
      entry.installed.buildInfo = entry.library->buildInfo();
      entry.installed.buildId = entry.library->buildId();
      entry.installed.usable = true;
      return true;
    } catch (const std::exception& problem) {
      refuse(entry.installed, problem.what());
      entry.package.reset();
      return false;
    }
  }

  void check(const Installed& installed) const {
    const auto& manifest = installed.manifest;
    if (_runtime->contracts.contract(manifest.type) == nullptr) {
      std::string known;
      for (const auto& type : _runtime->contracts.types()) known += (known.empty() ? "" : ", ") + type;
      throw Problem(Problem::Kind::invalid,
                    "Its type is \"" + manifest.type +
                        "\", which this version of Dispatch does not know; known are " + known + ".");
    }
    if (std::find(_options.skip.begin(), _options.skip.end(), manifest.id) != _options.skip.end())
      throw Problem(Problem::Kind::invalid,
                    "It is left out in safe mode. Start the server without safe mode to use it again.");
  }

  CatalogOptions _options;
  Outside& _outside;
  std::shared_ptr<Runtime> _runtime;
  std::mutex _reloading;
  std::map<std::string, std::set<std::string>> _generations;  ///< digests in this process, by id
  mutable std::shared_mutex _mutex;
  std::vector<Entry> _entries;
};

}  // namespace

std::map<std::string, std::string> readIsolation(const Json& yaml) {
  std::map<std::string, std::string> homes;
  const auto found = yaml.is_object() ? yaml.find("isolation") : yaml.end();
  if (!yaml.is_object() || found == yaml.end() || found->is_null()) return homes;
  const auto refuse = [](const std::string& what, std::vector<std::string> location) {
    throw Problem(Problem::Kind::invalid, "dispatch.yaml: `isolation:` " + what, std::move(location));
  };
  if (!found->is_object()) refuse("must be a mapping, e.g. {smtp-email: worker}.", {"isolation"});
  for (const auto& entry : found->items()) {
    const auto home = entry.value().is_string() ? entry.value().get<std::string>() : entry.value().dump();
    if (home != "process" && home != "worker")
      refuse("says \"" + home + "\" for " + entry.key() +
                 "; a plugin lives in a \"worker\" (a sandboxed process of its own) or in the \"process\" of "
                 "the server.",
             {"isolation", entry.key()});
    homes[entry.key()] = home;
  }
  return homes;
}

std::unique_ptr<Catalog> Catalog::open(CatalogOptions options, Outside& outside) {
  return std::make_unique<LoadedCatalog>(std::move(options), outside);
}

}  // namespace dispatch::plugin
