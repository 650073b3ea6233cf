// Plugins for unit tests, without libraries: what each does is a function of the test.
#pragma once

#include "plugin/plugin.hpp"

#include "base/problem.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace dispatch::integrations::testing {

/// What a fake plugin does, and what became of its instances. All members are the test's.
struct FakePlugin {
  plugin::Installed installed;
  std::function<plugin::Outcome(const plugin::Configuration&)> start;
  std::function<plugin::Outcome(const plugin::Configuration&)> reconfigure;
  std::function<plugin::JsonOutcome(const Json&)> test;
  std::function<plugin::JsonOutcome(const Json&)> authenticate;
  std::vector<plugin::Instance::Method> methods;
  std::function<plugin::JsonOutcome(const std::string& method, const Json&, const plugin::CallOptions&)>
      invoke;
  /// Where it is set, the plugin receives webhooks.
  std::function<plugin::TextOutcome(const plugin::WebhookRequest&)> identify;
  std::function<plugin::WebhookOutcome(const plugin::WebhookRequest&)> receive;
  std::function<plugin::Instance::Statistics()> statistics;
  std::function<plugin::Instance::Worker()> worker;
  std::function<std::string()> refusal;
  std::atomic<int> created{0}, started{0}, reconfigured{0}, stopped{0};
};

inline plugin::JsonOutcome answered(Json value) {
  plugin::JsonOutcome outcome;
  outcome.status = DISPATCH_OK;
  outcome.value = std::move(value);
  return outcome;
}

inline plugin::JsonOutcome refused(dispatch_status status, const std::string& message = "no") {
  plugin::JsonOutcome outcome;
  outcome.status = status;
  outcome.message = message;
  return outcome;
}

/// Waits until `check` holds, at most for `limit`; answers whether it does.
inline bool within(std::chrono::milliseconds limit, const std::function<bool()>& check) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < end) {
    if (check()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return check();
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
  std::vector<Method> methods() const override { return _plugin.methods; }
  bool has(std::string_view id) const override { return id == DISPATCH_WEBHOOK_1 && _plugin.identify; }
  plugin::JsonOutcome invoke(const std::string& method, const Json& input,
                             const plugin::CallOptions& options) override {
    return _plugin.invoke ? _plugin.invoke(method, input, options) : answered(input);
  }
  plugin::TextOutcome identifyWebhook(const plugin::WebhookRequest& request,
                                      const plugin::CallOptions&) override {
    return _plugin.identify ? _plugin.identify(request) : plugin::TextOutcome();
  }
  plugin::WebhookOutcome receiveWebhook(const plugin::WebhookRequest& request,
                                        const plugin::CallOptions&) override {
    return _plugin.receive ? _plugin.receive(request) : plugin::WebhookOutcome();
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
  Statistics statistics() const override { return _plugin.statistics ? _plugin.statistics() : Statistics(); }
  Worker worker() const override { return _plugin.worker ? _plugin.worker() : Worker(); }
  std::string refusal() const override { return _plugin.refusal ? _plugin.refusal() : std::string(); }
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
  /// Installs another version; what was made of the one before stays with that.
  FakePlugin& release(const std::string& id, const std::string& version) {
    auto& plugin = _plugins.at(id);
    auto next = std::make_unique<FakePlugin>();
    next->installed = plugin->installed;
    next->installed.manifest.version = version;
    _former.push_back(std::exchange(plugin, std::move(next)));
    return *plugin;
  }

  /// While others look.
  void setUsable(FakePlugin& plugin, bool usable, const std::string& reason = "") {
    const std::lock_guard lock(_mutex);
    plugin.installed.usable = usable;
    plugin.installed.reason = reason;
  }

  std::vector<plugin::Installed> list() const override {
    const std::lock_guard lock(_mutex);
    std::vector<plugin::Installed> all;
    for (const auto& [id, plugin] : _plugins) all.push_back(plugin->installed);
    return all;
  }
  std::optional<plugin::Installed> find(std::string_view id) const override {
    const std::lock_guard lock(_mutex);
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

 private:
  std::map<std::string, std::unique_ptr<FakePlugin>> _plugins;
  std::vector<std::unique_ptr<FakePlugin>> _former;
  mutable std::mutex _mutex;
};

}  // namespace dispatch::integrations::testing
