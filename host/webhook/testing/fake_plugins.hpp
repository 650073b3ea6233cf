// Plugins that receive webhooks, made of lambdas.
#pragma once

#include "base/problem.hpp"
#include "integrations/integrations.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace dispatch::webhook::testing {

/// Answers 200 "fine" unless told otherwise. Set its functions before it is asked.
class FakeReceiver final : public plugin::Instance {
 public:
  std::function<plugin::WebhookOutcome(const plugin::WebhookRequest&)> onReceive;
  std::function<plugin::TextOutcome(const plugin::WebhookRequest&)> onIdentify;

  static plugin::WebhookOutcome answered(int status, std::string body = "fine") {
    plugin::WebhookOutcome outcome;
    outcome.status = DISPATCH_OK;
    outcome.response = {status, {}, std::move(body)};
    return outcome;
  }
  static plugin::WebhookOutcome failed(dispatch_status status, std::string message) {
    plugin::WebhookOutcome outcome;
    outcome.status = status;
    outcome.message = std::move(message);
    return outcome;
  }
  static plugin::TextOutcome identified(std::string id) {
    plugin::TextOutcome outcome;
    outcome.status = DISPATCH_OK;
    outcome.text = std::move(id);
    return outcome;
  }

  plugin::TextOutcome identifyWebhook(const plugin::WebhookRequest& request,
                                      const plugin::CallOptions&) override {
    return onIdentify ? onIdentify(request) : identified("");
  }
  plugin::WebhookOutcome receiveWebhook(const plugin::WebhookRequest& request,
                                        const plugin::CallOptions& options) override {
    {
      const std::lock_guard lock(_mutex);
      _cancellation = options.cancellation;
    }
    return onReceive ? onReceive(request) : answered(200);
  }

  /// Somebody wants the last call to end.
  bool cancelled() {
    const std::lock_guard lock(_mutex);
    return _cancellation && _cancellation->cancelled();
  }

  const plugin::Manifest& manifest() const override { return _manifest; }
  const plugin::Scope& scope() const override { return _scope; }
  std::string home() const override { return "process"; }
  plugin::Outcome start() override { return {}; }
  plugin::Outcome reconfigure(plugin::Configuration) override { return {}; }
  void drainAndStop() override {}
  std::vector<Method> methods() const override { return {}; }
  bool has(std::string_view) const override { return true; }
  plugin::JsonOutcome invoke(const std::string&, const Json&, const plugin::CallOptions&) override {
    return {};
  }
  plugin::JsonOutcome test(const Json&, const plugin::CallOptions&) override { return {}; }
  plugin::JsonOutcome describeAuth(const plugin::CallOptions&) override { return {}; }
  plugin::JsonOutcome authenticate(const Json&, const plugin::CallOptions&) override { return {}; }
  SecretOutcome decrypt(const std::string&, const std::string&, const plugin::CallOptions&) override {
    return {};
  }
  plugin::JsonOutcome encrypt(const std::string&, std::string_view, const plugin::CallOptions&) override {
    return {};
  }
  Statistics statistics() const override { return {}; }
  std::vector<Outbound> outbound() const override { return {}; }

 private:
  std::mutex _mutex;
  std::shared_ptr<plugin::Cancellation> _cancellation;
  plugin::Manifest _manifest;
  plugin::Scope _scope;
};

/// Knows instances by their row; everything else is not asked of it.
class FakeIntegrations final : public integrations::Integrations {
 public:
  void set(std::int64_t id, std::shared_ptr<plugin::Instance> instance) {
    const std::lock_guard lock(_mutex);
    _instances[id] = std::move(instance);
  }
  integrations::Serving byId(std::int64_t id) override {
    const std::lock_guard lock(_mutex);
    integrations::Serving serving;
    serving.instance = _instances[id];
    if (!serving.instance) serving.reason = "The plugin cannot start now.";
    return serving;
  }

  void start() override {}
  void stop() override {}
  void initProject(store::Session&, std::int64_t, std::int64_t) override {}
  std::vector<integrations::Enablement> list(std::int64_t, std::optional<std::int64_t>) override {
    return {};
  }
  integrations::Enablement get(std::int64_t) override { throw Problem(Problem::Kind::notFound, "none"); }
  integrations::Enablement change(std::int64_t, std::optional<bool>, const Json&,
                                  const std::string&) override {
    return get(0);
  }
  integrations::Enablement add(std::int64_t, std::int64_t, const std::string&, bool, const Json&,
                               const std::string&) override {
    return get(0);
  }
  void remove(std::int64_t, const std::string&) override {}
  plugin::JsonOutcome test(std::int64_t, const Json&, const Json&) override { return {}; }
  integrations::Serving serving(std::int64_t, const std::string&) override { return {}; }
  std::vector<integrations::Serving> allServing(std::int64_t, const std::string&) override { return {}; }
  std::map<std::string, std::string> ailing() override { return {}; }
  std::vector<integrations::Serving> authProviders() override { return {}; }
  Json reload(const std::string&, const std::string&) override { return {}; }

 private:
  std::mutex _mutex;
  std::map<std::int64_t, std::shared_ptr<plugin::Instance>> _instances;
};

}  // namespace dispatch::webhook::testing
