// Plugins for unit tests, without libraries: what each does is a function of the test.
#pragma once

#include "plugin/plugin.hpp"

#include "base/problem.hpp"

#include <atomic>
#include <map>
#include <mutex>

namespace dispatch::integrations::testing {

/// What a fake plugin does, and what became of its instances. All members are the test's.
struct FakePlugin {
  plugin::Installed installed;
  std::function<plugin::Outcome(const plugin::Configuration&)> start;
  std::function<plugin::Outcome(const plugin::Configuration&)> reconfigure;
  std::function<plugin::JsonOutcome(const Json&)> test;
  std::function<plugin::JsonOutcome(const Json&)> authenticate;
  std::atomic<int> created{0}, started{0}, reconfigured{0}, stopped{0};
};

inline plugin::JsonOutcome answered(Json value) {
  plugin::JsonOutcome outcome;
  outcome.status = DISPATCH_OK;
  outcome.value = std::move(value);
  return outcome;
}

inline plugin::Outcome failed(dispatch_status status, const std::string& message) {
  plugin::Outcome outcome;
  outcome.status = status;
  outcome.message = message;
  return outcome;
}

inline plugin::Outcome fine() { return failed(DISPATCH_OK, ""); }

class FakeInstance final : public plugin::Instance {
 public:
  FakeInstance(FakePlugin& plugin, plugin::Scope scope, plugin::Configuration configuration)
      : _plugin(plugin), _scope(std::move(scope)), _configuration(std::move(configuration)) {}

  /// A value as the plugin would use it; a secret through its handle.
  std::string setting(const std::string& name) const {
    std::lock_guard lock(_mutex);
    const Json& value = _configuration.value.value(name, Json());
    if (value.is_object() && value.contains("$secret"))
      return std::string(_configuration.secrets.at(value["$secret"].get<std::uint32_t>()).reveal());
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
  }

  const plugin::Manifest& manifest() const override { return _plugin.installed.manifest; }
  const plugin::Scope& scope() const override { return _scope; }
  std::string home() const override { return "process"; }
  plugin::Outcome start() override {
    ++_plugin.started;
    return _plugin.start ? _plugin.start(_configuration) : fine();
  }
  plugin::Outcome reconfigure(plugin::Configuration configuration) override {
    ++_plugin.reconfigured;
    const auto outcome =
        _plugin.reconfigure ? _plugin.reconfigure(configuration) : failed(DISPATCH_ERR_UNSUPPORTED, "");
    if (outcome.ok()) {
      std::lock_guard lock(_mutex);
      _configuration = std::move(configuration);
    }
    return outcome;
  }
  void drainAndStop() override { ++_plugin.stopped; }
  std::vector<Method> methods() const override { return {}; }
  bool has(std::string_view) const override { return false; }
  plugin::JsonOutcome invoke(const std::string&, const Json& input, const plugin::CallOptions&) override {
    return answered(input);
  }
  plugin::JsonOutcome test(const Json& input, const plugin::CallOptions&) override {
    return _plugin.test ? _plugin.test(input)
                        : answered({{"summary", setting("host")}, {"secret", setting("password")}});
  }
  plugin::JsonOutcome describeAuth(const plugin::CallOptions&) override {
    return answered({{"title", manifest().title},
                     {"actions", {"login", "register", "change_password"}},
                     {"forms", {{"login", Json::object()}, {"register", Json::object()}}}});
  }
  plugin::JsonOutcome authenticate(const Json& request, const plugin::CallOptions&) override {
    return _plugin.authenticate ? _plugin.authenticate(request) : answered({{"kind", "deny"}});
  }
  SecretOutcome decrypt(const std::string&, const std::string&, const plugin::CallOptions&) override {
    return {};
  }
  plugin::JsonOutcome encrypt(const std::string&, std::string_view, const plugin::CallOptions&) override {
    return {};
  }
  Statistics statistics() const override { return {}; }
  std::vector<Outbound> outbound() const override { return {}; }

 private:
  FakePlugin& _plugin;
  plugin::Scope _scope;
  mutable std::mutex _mutex;
  plugin::Configuration _configuration;
};

class FakeCatalog final : public plugin::Catalog {
 public:
  FakePlugin& add(const std::string& id, const std::string& type, Json schema = {{"type", "object"}}) {
    auto& plugin = _plugins[id];
    plugin = std::make_unique<FakePlugin>();
    auto& installed = plugin->installed;
    installed.id = id;
    installed.usable = true;
    installed.digest = "digest of " + id;
    installed.manifest.id = id;
    installed.manifest.title = "The " + id;
    installed.manifest.version = "1.0.0";
    installed.manifest.type = type;
    installed.manifest.configurationSchema = std::move(schema);
    return *plugin;
  }
  void remove(const std::string& id) { _plugins.erase(id); }

  std::vector<plugin::Installed> list() const override {
    std::vector<plugin::Installed> all;
    for (const auto& [id, plugin] : _plugins) all.push_back(plugin->installed);
    return all;
  }
  std::optional<plugin::Installed> find(std::string_view id) const override {
    const auto found = _plugins.find(std::string(id));
    return found == _plugins.end() ? std::nullopt : std::optional(found->second->installed);
  }
  std::shared_ptr<plugin::Instance> create(std::string_view id, const plugin::Scope& scope,
                                           plugin::Configuration configuration) override {
    auto& plugin = *_plugins.at(std::string(id));
    ++plugin.created;
    return std::make_shared<FakeInstance>(plugin, scope, std::move(configuration));
  }
  plugin::Installed reload(std::string_view id) override {
    const auto found = find(id);
    if (!found || !found->usable) throw Problem(Problem::Kind::invalid, "it cannot be reloaded");
    return *found;
  }
  const Json* contract(std::string_view) const override { return nullptr; }
  std::vector<std::string> types() const override { return {}; }
  std::optional<plugin::LastCrash> lastCrash() const override { return std::nullopt; }

 private:
  std::map<std::string, std::unique_ptr<FakePlugin>> _plugins;
};

}  // namespace dispatch::integrations::testing
