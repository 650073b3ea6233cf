// Integrations for tests: plugins made of lambdas, whose deliveries are counted - in memory, and in a file
// that survives the death of the process.
#pragma once

#include "integrations/testing/idle_integrations.hpp"
#include "plugin/testing/idle_instance.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dispatch::flow::testing {

/// What arrived on the other side.
struct Delivery {
  std::string type, method, key;
  Json input;
};

/// [any-thread]
class Deliveries {
 public:
  explicit Deliveries(std::string file = "") : _file(std::move(file)) {}

  void add(const Delivery& delivery) {
    std::lock_guard lock(_mutex);
    _all.push_back(delivery);
    if (_file.empty()) return;
    const std::string line = dumpJson({{"type", delivery.type},
                                       {"method", delivery.method},
                                       {"key", delivery.key},
                                       {"input", delivery.input}}) +
                             "\n";
    const int file = ::open(_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file < 0 || ::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      std::abort();
    ::close(file);
  }

  std::vector<Delivery> all(const std::string& type = "", const std::string& method = "") const {
    std::lock_guard lock(_mutex);
    std::vector<Delivery> some;
    for (const Delivery& one : _all)
      if ((type.empty() || one.type == type) && (method.empty() || one.method == method)) some.push_back(one);
    return some;
  }
  std::size_t count(const std::string& type, const std::string& method) const {
    return all(type, method).size();
  }

 private:
  mutable std::mutex _mutex;
  std::string _file;
  std::vector<Delivery> _all;
};

inline plugin::JsonOutcome answer(Json value) {
  plugin::JsonOutcome outcome;
  outcome.status = DISPATCH_OK;
  outcome.value = std::move(value);
  return outcome;
}
inline plugin::JsonOutcome refusal(dispatch_status status, const std::string& message,
                                   std::uint32_t retryAfterMs = 0) {
  plugin::JsonOutcome outcome;
  outcome.status = status;
  outcome.message = message;
  outcome.retryAfterMs = retryAfterMs;
  return outcome;
}

class FakeInstance final : public plugin::testing::IdleInstance {
 public:
  using Handler = std::function<plugin::JsonOutcome(const Json& input, const plugin::CallOptions& options)>;

  FakeInstance(std::string type, std::int64_t id, int maxConcurrency) {
    _manifest.id = "fake-" + type;
    _manifest.title = "Fake " + type;
    _manifest.type = type;
    _manifest.maxConcurrency = maxConcurrency;
    _scope.pluginId = _manifest.id;
    _scope.instanceId = id;
  }

  FakeInstance& on(const std::string& method, plugin::Effect effect, Handler handler) {
    _methods[method] = {effect, std::move(handler)};
    return *this;
  }

  std::vector<Method> methods() const override {
    std::vector<Method> list;
    for (const auto& [name, method] : _methods) list.push_back({name, method.first, 1});
    return list;
  }
  plugin::JsonOutcome invoke(const std::string& method, const Json& input,
                             const plugin::CallOptions& options) override {
    const auto found = _methods.find(method);
    if (found == _methods.end()) return testing::refusal(DISPATCH_ERR_UNSUPPORTED, "no such method");
    return found->second.second(input, options);
  }

 private:
  std::map<std::string, std::pair<plugin::Effect, Handler>> _methods;
};

class FakeIntegrations final : public integrations::testing::IdleIntegrations {
 public:
  Deliveries& deliveries;

  explicit FakeIntegrations(Deliveries& counted) : deliveries(counted) {}

  /// A plugin at work. `id` is a row of plugin_instance, or 0 where no row exists.
  FakeInstance& enable(const std::string& type, std::int64_t id = 0, int maxConcurrency = 100) {
    std::lock_guard lock(_mutex);
    auto instance = std::make_shared<FakeInstance>(type, id, maxConcurrency);
    _instances[type] = instance;
    _down.erase(type);
    return *instance;
  }
  void disable(const std::string& type) {
    std::lock_guard lock(_mutex);
    _instances.erase(type);
  }
  /// Enabled, and cannot be started now.
  void takeDown(const std::string& type, const std::string& reason) {
    std::lock_guard lock(_mutex);
    _instances.erase(type);
    _down[type] = reason;
  }
  /// Counts the call, then answers.
  FakeInstance::Handler counted(const std::string& type, const std::string& method, Json output) {
    return counted(type, method, [output](const Json&) { return answer(output); });
  }
  FakeInstance::Handler counted(const std::string& type, const std::string& method,
                                std::function<plugin::JsonOutcome(const Json&)> then) {
    return [this, type, method, then](const Json& input, const plugin::CallOptions& options) {
      deliveries.add({type, method, options.idempotencyKey, input});
      return then(input);
    };
  }

  integrations::Serving serving(std::int64_t, const std::string& type) override {
    std::lock_guard lock(_mutex);
    integrations::Serving serving;
    if (const auto found = _instances.find(type); found != _instances.end()) {
      serving.instance = found->second;
      serving.enablementId = found->second->scope().instanceId;
      serving.configRevision = 1;
    } else if (const auto down = _down.find(type); down != _down.end()) {
      serving.enablementId = 1;
      serving.reason = down->second;
    } else {
      serving.reason =
          "No " + type + " plugin is enabled in project default. Enable one under Settings > Plugins.";
    }
    return serving;
  }
  integrations::Serving byId(std::int64_t id) override {
    {
      std::lock_guard lock(_mutex);
      for (const auto& [type, instance] : _instances)
        if (instance->scope().instanceId == id) {
          integrations::Serving serving;
          serving.instance = instance;
          serving.enablementId = id;
          return serving;
        }
    }
    integrations::Serving serving;
    serving.reason = "Plugin instance " + std::to_string(id) + " is disabled.";
    return serving;
  }
  std::vector<integrations::Serving> allServing(std::int64_t project, const std::string& type) override {
    auto one = serving(project, type);
    return one.instance ? std::vector{one} : std::vector<integrations::Serving>{};
  }

 private:
  std::mutex _mutex;
  std::map<std::string, std::shared_ptr<FakeInstance>> _instances;
  std::map<std::string, std::string> _down;
};

}  // namespace dispatch::flow::testing
