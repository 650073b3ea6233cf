#include "kit/bench.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"

#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>
#include <Poco/Logger.h>
#include <Poco/Message.h>

#include <filesystem>
#include <mutex>

namespace dispatch::kit {

Equipment Equipment::discover() {
  const auto paths = config::Paths::discover(std::nullopt);
  Equipment equipment{
      paths.contracts,        paths.prefix + "/share/dispatch/templates", paths.worker, paths.trust,
      paths.etc + "/trust.d", paths.prefix + "/include/dispatch",         paths.plugins};
  std::error_code error;
  if (!std::filesystem::exists(equipment.contracts + "/plugin.schema.json", error))
    throw Problem(Problem::Kind::notFound,
                  equipment.contracts +
                      " holds no contracts (plugin.schema.json): this program works from an installation "
                      "only. Call PREFIX/bin/dispatch-plugin, or install the SDK again.");
  return equipment;
}

std::optional<std::string> QuietOutside::kvGet(const plugin::Scope& scope, const std::string& key) {
  const std::lock_guard lock(_mutex);
  const auto found = _kv.find({scope.instanceId, key});
  return found == _kv.end() ? std::nullopt : std::optional(found->second);
}

void QuietOutside::kvPut(const plugin::Scope& scope, const std::string& key, const std::string& value) {
  const std::lock_guard lock(_mutex);
  _kv[{scope.instanceId, key}] = value;
}

void QuietOutside::kvRemove(const plugin::Scope& scope, const std::string& key) {
  const std::lock_guard lock(_mutex);
  _kv.erase({scope.instanceId, key});
}

std::vector<std::string> QuietOutside::kvList(const plugin::Scope& scope, const std::string& prefix) {
  const std::lock_guard lock(_mutex);
  std::vector<std::string> keys;
  for (const auto& entry : _kv)
    if (entry.first.first == scope.instanceId && entry.first.second.starts_with(prefix))
      keys.push_back(entry.first.second);
  return keys;
}

Json QuietOutside::directory(const plugin::Scope&, const std::string&, const Json&) { return Json::array(); }
plugin::Outside::Verdict QuietOutside::verifyCredential(const std::string&, std::string_view) {
  return Verdict::wrong;
}
void QuietOutside::createCredential(const std::string&, std::string_view) {
  throw Problem(Problem::Kind::unavailable, "There are no accounts here.");
}
void QuietOutside::replaceCredential(const std::string&, std::string_view) {
  throw Problem(Problem::Kind::unavailable, "There are no accounts here.");
}
Json QuietOutside::submitEvent(const plugin::Scope&, const plugin::Event& event) {
  return {{"id", digestHex(event.key)},
          {"duplicate", false},
          {"incident", {{"id", 1}, {"name", "dispatch-default-default-1"}, {"status", "Active"}}}};
}
void QuietOutside::audit(const plugin::Scope&, const std::string&, const Json&) {}
void QuietOutside::recordAudit(const plugin::Scope&, const std::string&, const std::string&, const Json&) {}

class Bench::Lines : public Poco::Channel {
 public:
  void log(const Poco::Message& message) override {
    static constexpr const char* levels[] = {"",       "fatal", "critical", "error", "warning",
                                             "notice", "info",  "debug",    "trace"};
    const std::lock_guard lock(_mutex);
    _lines.push_back(std::string(levels[message.getPriority()]) + ' ' + message.getText());
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(_mutex);
    return _lines;
  }

 private:
  mutable std::mutex _mutex;
  std::vector<std::string> _lines;
};

Bench::Bench(const Equipment& equipment, const std::string& searchPath, const std::string& id,
             const std::string& home, bool allowPrivate, std::shared_ptr<plugin::HttpNetwork> http)
    : _lines(new Lines) {
  Poco::Logger::get("dispatch");
  Poco::Logger::setChannel("dispatch", Poco::Channel::Ptr(_lines, true));
  Poco::Logger::setLevel("dispatch", Poco::Message::PRIO_DEBUG);
  plugin::CatalogOptions options;
  options.searchPath = {searchPath};
  options.contractsDirectory = equipment.contracts;
  options.workerProgram = equipment.worker;
  options.isolation["*"] = home;
  options.http = std::move(http);
  if (allowPrivate) options.allowances = {{"*", "0.0.0.0/0", 0, false, {}}, {"*", "::/0", 0, false, {}}};
  auto trust = std::make_shared<plugin::TrustPolicy>();
  trust->unsignedAllowed[id] = "dispatch-plugin";
  options.trust = [trust] { return trust; };
  _catalog = plugin::Catalog::open(std::move(options), _outside);
  const auto found = _catalog->find(id);
  if (!found)
    throw Problem(Problem::Kind::invalid, "There is no package of " + id + " in " + searchPath + '.');
  if (!found->usable) throw Problem(Problem::Kind::invalid, found->reason);
  _installed = *found;
}

Bench::~Bench() {
  _catalog.reset();
  Poco::Logger::setChannel("dispatch", Poco::Channel::Ptr());
  _lines->release();
}

const Json& Bench::contract() const { return *_catalog->contract(_installed.manifest.type); }

std::shared_ptr<plugin::Instance> Bench::create(const Json& configuration, std::uint64_t revision) {
  plugin::Scope scope;
  scope.instanceId = ++_lastInstance;
  scope.organizationId = scope.projectId = 1;
  return _catalog->create(
      _installed.id, scope,
      plugin::makeConfiguration(_installed.manifest.configurationSchema, configuration, revision));
}

std::shared_ptr<plugin::Instance> Bench::started(const Json& configuration) {
  auto instance = create(configuration);
  if (const auto outcome = instance->start(); !outcome.ok())
    throw Problem(Problem::Kind::unavailable, "start failed: " + outcome.message);
  return instance;
}

std::vector<std::string> Bench::logLines() const { return _lines->lines(); }

}  // namespace dispatch::kit
