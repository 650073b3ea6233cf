#pragma once

#include <dispatch/sdk/auth_provider.hpp>
#include <dispatch/testing/fake_host.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace dispatch::testing {

/// A plugin in use, through its C table, as the host uses it.
class Instance {
 public:
  Instance(const dispatch_plugin_v1* plugin, dispatch_instance* raw) : _plugin(plugin), _raw(raw) {}
  Instance(Instance&& other) noexcept : _plugin(other._plugin), _raw(std::exchange(other._raw, nullptr)) {}
  Instance& operator=(Instance&&) = delete;
  ~Instance() {
    if (_raw != nullptr) _plugin->destroy(_raw);
  }

  Outcome start(CallOptions options = {}) { return control(_plugin->start, std::move(options)); }
  Outcome drain(CallOptions options = {}) { return control(_plugin->drain, std::move(options)); }
  Outcome stop(CallOptions options = {}) { return control(_plugin->stop, std::move(options)); }
  Outcome reconfigure(const Json& configuration, std::uint64_t revision = 2) {
    if (_plugin->reconfigure == nullptr) return {DISPATCH_ERR_UNSUPPORTED, "It cannot reconfigure.", 0, {}};
    FakeCall call;
    dispatch_str none{nullptr, 0};
    return call.finish(_plugin->reconfigure(_raw, call.raw(), str(configuration.dump()), revision), none);
  }

  Outcome invoke(std::string_view method, const Json& input, CallOptions options = {}) {
    return invokeText(method, input.dump(), std::move(options));
  }
  /// The same with any text for input.
  Outcome invokeText(std::string_view method, std::string_view input, CallOptions options = {}) {
    const auto& table = need<dispatch_integration_1>(DISPATCH_INTEGRATION_1);
    return json(std::move(options), [&](const dispatch_call* call, dispatch_str* out) {
      return table.invoke(_raw, call, str(method), str(input), out);
    });
  }
  /// The effect of a method, or 0 if the plugin does not have it.
  dispatch_effect effect(std::string_view method) const {
    const auto& table = need<dispatch_integration_1>(DISPATCH_INTEGRATION_1);
    for (std::uint32_t i = 0; i < table.method_count; ++i)
      if (view(table.methods[i]->name) == method) return table.methods[i]->effect;
    return 0;
  }

  Outcome test(const Json& input = Json::object(), CallOptions options = {}) {
    const auto& table = need<dispatch_health_1>(DISPATCH_HEALTH_1);
    return json(std::move(options), [&](const dispatch_call* call, dispatch_str* out) {
      return table.test(_raw, call, str(input.dump()), out);
    });
  }

  Outcome describe(CallOptions options = {}) {
    const auto& table = need<dispatch_auth_1>(DISPATCH_AUTH_1);
    return json(std::move(options), [&](const dispatch_call* call, dispatch_str* out) {
      return table.describe(_raw, call, out);
    });
  }
  /// The value holds what the provider answered: kind, issuer, subject, email, name, message, field,
  /// redirect_url, state, reason.
  Outcome authenticate(AuthAction action, const Json& fields, const std::string& subject = {},
                       CallOptions options = {}) {
    const auto& table = need<dispatch_auth_1>(DISPATCH_AUTH_1);
    FakeCall call(std::move(options));
    const std::string form = fields.dump();
    dispatch_auth_request request{};
    request.struct_size = sizeof request;
    request.action = static_cast<dispatch_auth_action>(action);
    request.organization = str("default");
    request.base_url = str("http://127.0.0.1:8000");
    request.peer_address = str("127.0.0.1");
    request.fields_json = str(form);
    request.headers_json = str("[]");
    request.subject = str(subject);
    dispatch_auth_result result{};
    result.struct_size = sizeof result;
    const dispatch_status status = table.authenticate(_raw, call.raw(), &request, &result);
    dispatch_str none{nullptr, 0};
    Outcome outcome = call.finish(status, none);
    outcome.value = {{"kind", result.kind},
                     {"issuer", view(result.issuer)},
                     {"subject", view(result.subject)},
                     {"email", view(result.email)},
                     {"email_verified", result.email_verified},
                     {"name", view(result.name)},
                     {"message", view(result.message)},
                     {"field", view(result.field)},
                     {"redirect_url", view(result.redirect_url)},
                     {"state", view(result.state)},
                     {"reason", call.lastMessage()}};
    return outcome;
  }

  /// A request of another system.
  struct Webhook {
    std::string method = "POST", path{}, query{}, body{};
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string peerAddress = "192.0.2.1";
    std::uint32_t attempt = 1;
    std::int64_t receivedAtNs = 1'700'000'000'000'000'000;
  };
  /// The value is {"status", "headers": [[name, value], …], "body"}.
  Outcome deliver(const Webhook& webhook, CallOptions options = {}) {
    const auto& table = need<dispatch_webhook_1>(DISPATCH_WEBHOOK_1);
    options.answerSize = sizeof(dispatch_webhook_response);
    FakeCall call(std::move(options));
    const RawWebhook request(webhook);
    dispatch_webhook_response response{};
    response.struct_size = sizeof response;
    Outcome outcome = call.finish(table.receive(_raw, call.raw(), &request.value, &response), response);
    if (!outcome.ok()) return outcome;
    Json headers = Json::array();
    for (std::uint64_t i = 0; i < response.header_count; ++i)
      headers.push_back({view(response.headers[i]->name), view(response.headers[i]->value)});
    outcome.value = {{"status", response.status}, {"headers", headers}, {"body", view(response.body)}};
    return outcome;
  }
  /// The value is the delivery's id, as text; empty if the plugin does not give one.
  Outcome deliveryId(const Webhook& webhook, CallOptions options = {}) {
    const auto& table = need<dispatch_webhook_1>(DISPATCH_WEBHOOK_1);
    if (table.identify == nullptr) return {DISPATCH_OK, {}, 0, ""};
    FakeCall call(std::move(options));
    const RawWebhook request(webhook);
    dispatch_str out{nullptr, 0};
    Outcome outcome = call.finish(table.identify(_raw, call.raw(), &request.value, &out), out);
    if (outcome.ok()) outcome.value = std::string(view(out));
    return outcome;
  }

  /// The value is {"cursor", "more", "next_poll_ms"}.
  Outcome poll(std::string_view cursor = {}, CallOptions options = {}) {
    const auto& table = need<dispatch_source_1>(DISPATCH_SOURCE_1);
    options.answerSize = sizeof(dispatch_source_result);
    FakeCall call(std::move(options));
    dispatch_source_result result{};
    result.struct_size = sizeof result;
    Outcome outcome = call.finish(table.poll(_raw, call.raw(), str(cursor), &result), result);
    if (outcome.ok())
      outcome.value = {
          {"cursor", view(result.cursor)}, {"more", result.more != 0}, {"next_poll_ms", result.next_poll_ms}};
    return outcome;
  }

  /// The value is the secret, as text.
  Outcome decrypt(std::string_view name, std::string_view stored, CallOptions options = {}) {
    const auto& table = need<dispatch_secret_1>(DISPATCH_SECRET_1);
    FakeCall call(std::move(options));
    std::string secret;
    bool used = false;
    std::pair<std::string*, bool*> target{&secret, &used};
    dispatch_secret_sink sink{};
    sink.struct_size = sizeof sink;
    sink.host_data = &target;
    sink.buffer = [](const dispatch_secret_sink* self, std::uint64_t size) -> std::uint8_t* {
      auto& [text, taken] = *static_cast<std::pair<std::string*, bool*>*>(self->host_data);
      if (size == 0 || size > 65536 || *taken) return nullptr;
      *taken = true;
      text->resize(static_cast<std::size_t>(size));
      return reinterpret_cast<std::uint8_t*>(text->data());
    };
    dispatch_str none{nullptr, 0};
    Outcome outcome = call.finish(table.decrypt(_raw, call.raw(), str(name), str(stored), &sink), none);
    if (outcome.ok() && !used) throw std::runtime_error("decrypt answered OK without a secret.");
    outcome.value = secret;
    return outcome;
  }
  /// The value is what goes inside ENC[provider,…].
  Outcome encrypt(std::string_view name, std::string_view plaintext, CallOptions options = {}) {
    const auto& table = need<dispatch_secret_1>(DISPATCH_SECRET_1);
    if (table.encrypt == nullptr) return {DISPATCH_ERR_UNSUPPORTED, "It cannot encrypt.", 0, {}};
    FakeCall call(std::move(options));
    dispatch_str out{nullptr, 0};
    Outcome outcome = call.finish(table.encrypt(_raw, call.raw(), str(name), str(plaintext), &out), out);
    if (outcome.ok()) outcome.value = std::string(view(out));
    return outcome;
  }

  bool has(std::string_view interfaceId) const {
    return _plugin->get_interface(_raw, str(interfaceId)) != nullptr;
  }
  dispatch_instance* raw() const noexcept { return _raw; }

 private:
  struct RawWebhook {
    explicit RawWebhook(const Webhook& from) {
      for (const auto& [name, text] : from.headers)
        headers.push_back({sizeof(dispatch_webhook_header), 0, str(name), str(text)});
      for (const auto& header : headers) pointers.push_back(&header);
      value.struct_size = sizeof value;
      value.attempt = from.attempt;
      value.method = str(from.method);
      value.path = str(from.path);
      value.query = str(from.query);
      value.headers = pointers.data();
      value.header_count = pointers.size();
      value.body = str(from.body);
      value.peer_address = str(from.peerAddress);
      value.received_at_ns = from.receivedAtNs;
    }
    RawWebhook(const RawWebhook&) = delete;
    RawWebhook& operator=(const RawWebhook&) = delete;
    std::vector<dispatch_webhook_header> headers;
    std::vector<const dispatch_webhook_header*> pointers;
    dispatch_webhook_request value{};
  };
  template <class Table>
  const Table& need(const char* id) const {
    const void* table = _plugin->get_interface(_raw, str(id));
    if (table == nullptr) throw std::runtime_error(std::string("The plugin has no ") + id);
    return *static_cast<const Table*>(table);
  }
  template <class Function>
  Outcome json(CallOptions options, Function&& function) {
    FakeCall call(std::move(options));
    dispatch_str out{nullptr, 0};
    Outcome outcome = call.finish(function(call.raw(), &out), out);
    if (outcome.ok()) outcome.value = Json::parse(view(out));
    return outcome;
  }
  Outcome control(dispatch_status (*function)(dispatch_instance*, const dispatch_call*),
                  CallOptions options) {
    if (function == nullptr) return {DISPATCH_OK, {}, 0, {}};
    FakeCall call(std::move(options));
    dispatch_str none{nullptr, 0};
    return call.finish(function(_raw, call.raw()), none);
  }

  const dispatch_plugin_v1* _plugin;
  dispatch_instance* _raw;
};

inline Outcome FakeHost::tryLoad(const dispatch_plugin_v1* plugin, const Json& configuration) {
  FakeCall call;
  dispatch_instance* raw = nullptr;
  dispatch_str none{nullptr, 0};
  Outcome outcome = call.finish(plugin->create(&_raw, call.raw(), str(configuration.dump()), &raw), none);
  if (outcome.ok())
    plugin->destroy(raw);
  else if (raw != nullptr)
    throw std::runtime_error("create failed and still gave an instance.");
  return outcome;
}

inline Instance FakeHost::load(const dispatch_plugin_v1* plugin, const Json& configuration) {
  FakeCall call;
  dispatch_instance* raw = nullptr;
  dispatch_str none{nullptr, 0};
  const std::string text = configuration.dump();
  const Outcome outcome = call.finish(plugin->create(&_raw, call.raw(), str(text), &raw), none);
  if (!outcome.ok()) throw std::runtime_error("create failed: " + outcome.message);
  return {plugin, raw};
}

inline Outcome FakeHost::callRecorded(const dispatch_plugin_v1* plugin) {
  if (!_recorded)
    throw std::runtime_error("Nothing was recorded for callRecorded(): call replay(file) first.");
  const RecordedCall& recorded = _recorded->recording().call;
  if (recorded.method.empty())
    throw std::runtime_error(_recorded->recording().name +
                             " holds no call (log._dispatch.method), only exchanges.");
  const std::function<Json(Json)> withSecrets = [&](Json value) {
    if (value == secretMark) return secret("recorded-secret");
    if (value.is_structured())
      for (auto& member : value) member = withSecrets(member);
    return value;
  };
  Instance instance = load(plugin, withSecrets(recorded.configuration));
  if (const Outcome started = instance.start(); !started.ok()) return started;
  CallOptions options;
  options.idempotencyKey = recorded.idempotencyKey;
  return recorded.method == "test" ? instance.test(recorded.input, std::move(options))
                                   : instance.invoke(recorded.method, recorded.input, std::move(options));
}

}  // namespace dispatch::testing
