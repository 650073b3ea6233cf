// Plugins that receive webhooks, made of lambdas.
#pragma once

#include "integrations/testing/idle_integrations.hpp"
#include "plugin/testing/idle_instance.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace dispatch::webhook::testing {

/// Answers 200 "fine" unless told otherwise. Set its functions before it is asked.
class FakeReceiver final : public plugin::testing::IdleInstance {
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

 private:
  std::mutex _mutex;
  std::shared_ptr<plugin::Cancellation> _cancellation;
};

/// Knows instances by their row; everything else is not asked of it.
class FakeIntegrations final : public integrations::testing::IdleIntegrations {
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

 private:
  std::mutex _mutex;
  std::map<std::int64_t, std::shared_ptr<plugin::Instance>> _instances;
};

}  // namespace dispatch::webhook::testing
