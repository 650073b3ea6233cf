#pragma once

#include <dispatch/sdk/auth_provider.hpp>
#include <dispatch/sdk/barrier.hpp>
#include <dispatch/sdk/secret_provider.hpp>
#include <dispatch/sdk/source.hpp>
#include <dispatch/sdk/webhook.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <memory>
#include <tuple>
#include <utility>

namespace dispatch::sdk {

#if defined(__SANITIZE_ADDRESS__)
#define DISPATCH_SDK_SANITIZER " asan"
#elif defined(__SANITIZE_THREAD__)
#define DISPATCH_SDK_SANITIZER " tsan"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DISPATCH_SDK_SANITIZER " asan"
#elif __has_feature(thread_sanitizer)
#define DISPATCH_SDK_SANITIZER " tsan"
#endif
#endif
#ifndef DISPATCH_SDK_SANITIZER
#define DISPATCH_SDK_SANITIZER ""
#endif

inline constexpr std::string_view buildInfo =
    "abi " DISPATCH_ABI_STATUS " " __VERSION__ DISPATCH_SDK_SANITIZER;

template <class P>
concept HasStart = requires(P& p, const Call& c) {
  p.start(c);
};
template <class P>
concept HasReconfigure = requires(P& p, const Call& c, const Config& n) {
  p.reconfigure(c, n);
};
template <class P>
concept HasDrain = requires(P& p, const Call& c) {
  p.drain(c);
};
template <class P>
concept HasStop = requires(P& p, const Call& c) {
  p.stop(c);
};
template <class P>
concept HasTest = requires(P& p, const Call& c, const Json& i) {
  { p.test(c, i) } -> std::convertible_to<TestReport>;
};
template <class P>
concept HasEffectOf = requires(const P& p, std::string_view m) {
  { p.effectOf(m) } -> std::same_as<Effect>;
};
template <class P>
concept IsIntegration = requires {
  typename P::Methods;
};
template <class P>
concept IsAuthProvider = requires {
  typename P::IsAuthProvider;
};
template <class P>
concept IsSecretProvider = requires {
  typename P::IsSecretProvider;
};

template <class P>
concept HasReceiveWebhook = requires(P& p, const Call& c, const WebhookRequest& r) {
  { p.receiveWebhook(c, r) } -> std::same_as<WebhookResponse>;
};
template <class P>
concept HasWebhookDeliveryId = requires(P& p, const Call& c, const WebhookRequest& r) {
  { p.webhookDeliveryId(c, r) } -> std::convertible_to<std::string>;
};
template <class P>
concept IsWebhookReceiver = requires {
  typename P::IsWebhookReceiver;
};
template <class P>
concept HasPoll = requires(P& p, const Call& c, std::string_view t) {
  { p.poll(c, t) } -> std::same_as<Polled>;
};
template <class P>
concept IsSource = requires {
  typename P::IsSource;
};

template <class P, class List>
struct BindAll;
template <class P, class... Each>
struct BindAll<P, std::tuple<Each...>> {
  static constexpr std::array<Binding<P>, sizeof...(Each)> all{bind<P, Each>()...};
};

inline Json parse(std::string_view text, const char* what) {
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) throw Failure::invalid(std::string(what) + " is not JSON.");
  return value;
}

/// The tables of an integration plugin; per instance, because an effect may depend on the configuration.
template <class P>
class Integration {
 public:
  explicit Integration([[maybe_unused]] const P& plugin) {
    for (const Binding<P>& binding : bindings) {
      if (binding.invoke == nullptr) continue;
      Effect effect = binding.effect;
      if constexpr (HasEffectOf<P>) effect = plugin.effectOf(binding.name);
      _methods[_count] = {sizeof(dispatch_method), static_cast<dispatch_effect>(effect), binding.revision, 0,
                          str(binding.name)};
      _pointers[_count] = &_methods[_count];
      ++_count;
    }
    _table = {sizeof(dispatch_integration_1), _count, _pointers.data(), &Integration::invoke};
  }
  Integration(const Integration&) = delete;
  Integration& operator=(const Integration&) = delete;
  const void* table() const noexcept { return &_table; }

 private:
  static constexpr auto bindings = BindAll<P, typename P::Methods>::all;
  static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                                dispatch_str in, dispatch_str* out) noexcept;

  std::array<dispatch_method, bindings.size()> _methods{};
  std::array<const dispatch_method*, bindings.size()> _pointers{};
  std::uint32_t _count = 0;
  dispatch_integration_1 _table{};
};

struct NoIntegration {
  template <class P>
  explicit NoIntegration(const P&) {}
};

/// What a dispatch_instance* of this plugin points at.
template <class P>
struct Holder {
  Holder(const dispatch_host* raw, const Config& config) : plugin(Host(raw), config), integration(plugin) {}
  P plugin;
  std::conditional_t<IsIntegration<P>, Integration<P>, NoIntegration> integration;

  static Holder& of(dispatch_instance* instance) { return *reinterpret_cast<Holder*>(instance); }
};

template <class P>
dispatch_status Integration<P>::invoke(dispatch_instance* instance, const dispatch_call* raw,
                                       dispatch_str method, dispatch_str in, dispatch_str* out) noexcept {
  return guarded(raw, [&](const Call& call) {
    *out = {nullptr, 0};
    for (const Binding<P>& binding : bindings)
      if (binding.invoke != nullptr && binding.name == view(method))
        return binding.invoke(Holder<P>::of(instance).plugin, call, parse(view(in), "The request"), out);
    throw Failure::unsupported("This plugin has no method \"" + std::string(view(method)) + "\".");
  });
}

template <class P>
struct HealthEntry {
  static dispatch_status test(dispatch_instance* instance, const dispatch_call* raw, dispatch_str in,
                              dispatch_str* out) noexcept {
    return guarded(raw, [&](const Call& call) {
      *out = {nullptr, 0};
      const Json input = in.len == 0 ? Json::object() : parse(view(in), "What the test was asked for");
      const TestReport report = Holder<P>::of(instance).plugin.test(call, input);
      *out = toArena(raw, dump(toJson(report)));
      return DISPATCH_OK;
    });
  }
  static constexpr dispatch_health_1 table{sizeof(dispatch_health_1), 0, &HealthEntry::test};
};

template <class P>
struct AuthEntry {
  static_assert(
      requires(P & p, const Call& c) {
        { p.describe(c) } -> std::convertible_to<Json>;
      },
      "This auth provider lacks a method. Expected: public Json describe(const Call&)");
  static_assert(
      requires(P & p, const Call& c, const AuthRequest& r) {
        { p.authenticate(c, r) } -> std::same_as<AuthAnswer>;
      },
      "This auth provider lacks a method. Expected: public AuthAnswer authenticate(const Call&, const "
      "AuthRequest&)");

  static dispatch_status describe(dispatch_instance* instance, const dispatch_call* raw,
                                  dispatch_str* out) noexcept {
    return guarded(raw, [&](const Call& call) {
      *out = {nullptr, 0};
      *out = toArena(raw, dump(Holder<P>::of(instance).plugin.describe(call)));
      return DISPATCH_OK;
    });
  }

  static dispatch_status authenticate(dispatch_instance* instance, const dispatch_call* raw,
                                      const dispatch_auth_request* in, dispatch_auth_result* out) noexcept {
    return guarded(raw, [&](const Call& call) {
      if (!DISPATCH_REACHES(out, dispatch_auth_result, field))
        throw Failure::unsupported("The host's answer is too short.");
      out->kind = DISPATCH_AUTH_DENY;
      const AuthAnswer answer = Holder<P>::of(instance).plugin.authenticate(call, readRequest(in));
      if (!answer.reason.empty()) fail(raw, DISPATCH_ERR_DENIED, answer.reason);
      write(raw, answer, *out);
      return DISPATCH_OK;
    });
  }
  static constexpr dispatch_auth_1 table{sizeof(dispatch_auth_1), 0, &AuthEntry::describe,
                                         &AuthEntry::authenticate};

 private:
  static AuthRequest readRequest(const dispatch_auth_request* in) {
    if (!DISPATCH_REACHES(in, dispatch_auth_request, subject))
      throw Failure::unsupported("The host's request is too short.");
    AuthRequest request;
    request.action = static_cast<AuthAction>(in->action);
    request.organization = view(in->organization);
    request.baseUrl = view(in->base_url);
    request.peerAddress = view(in->peer_address);
    request.state = view(in->state);
    request.subject = view(in->subject);
    request.fields = in->fields_json.len == 0 ? Json::object() : parse(view(in->fields_json), "The form");
    request.headers =
        in->headers_json.len == 0 ? Json::array() : parse(view(in->headers_json), "The list of headers");
    return request;
  }

  /// `kind` last: until everything stands, the answer is a denial.
  static void write(const dispatch_call* raw, const AuthAnswer& answer, dispatch_auth_result& out) {
    out.issuer = toArena(raw, answer.who.issuer);
    out.subject = toArena(raw, answer.who.subject);
    out.email = toArena(raw, answer.who.email);
    out.name = toArena(raw, answer.who.name);
    out.claims_json = toArena(raw, dump(answer.who.claims));
    out.email_verified = answer.who.emailVerified ? 1 : 0;
    out.authentication_age = answer.who.ageSeconds;
    out.redirect_url = toArena(raw, answer.redirectUrl);
    out.state = toArena(raw, answer.state);
    out.form_json = answer.form.is_null() ? dispatch_str{nullptr, 0} : toArena(raw, dump(answer.form));
    out.message = toArena(raw, answer.message);
    out.field = toArena(raw, answer.field);
    out.kind = answer.kind;
  }
};

template <class P>
struct SecretEntry {
  static constexpr bool canEncrypt = requires(P & p, const Call& c, std::string_view t) {
    { p.encrypt(c, t, t) } -> std::convertible_to<std::string>;
  };
  static_assert(
      requires(P & p, const Call& c, std::string_view t, const SecretSink& s) { p.decrypt(c, t, t, s); },
      "This secret provider lacks a method. Expected: public void decrypt(const Call&, std::string_view "
      "name, "
      "std::string_view stored, const SecretSink&)");

  static dispatch_status decrypt(dispatch_instance* instance, const dispatch_call* raw, dispatch_str name,
                                 dispatch_str stored, const dispatch_secret_sink* sink) noexcept {
    return guarded(raw, [&](const Call& call) {
      Holder<P>::of(instance).plugin.decrypt(call, view(name), view(stored), SecretSink(sink));
      return DISPATCH_OK;
    });
  }
  static dispatch_status encrypt(dispatch_instance* instance, const dispatch_call* raw, dispatch_str name,
                                 dispatch_str plaintext, dispatch_str* out) noexcept {
    return guarded(raw, [&](const Call& call) {
      *out = {nullptr, 0};
      if constexpr (canEncrypt)
        *out = toArena(raw, Holder<P>::of(instance).plugin.encrypt(call, view(name), view(plaintext)));
      else
        throw Failure::unsupported("This secret provider only reads secrets.");
      return DISPATCH_OK;
    });
  }
  static constexpr dispatch_secret_1 table{sizeof(dispatch_secret_1), 0, &SecretEntry::decrypt,
                                           canEncrypt ? &SecretEntry::encrypt : nullptr};
};

template <class P>
struct WebhookEntry {
  static dispatch_status identify(dispatch_instance* instance, const dispatch_call* raw,
                                  const dispatch_webhook_request* in, dispatch_str* out) noexcept {
    return guarded(raw, [&](const Call& call) {
      *out = {nullptr, 0};
      if constexpr (HasWebhookDeliveryId<P>)
        *out = toArena(raw, std::string(Holder<P>::of(instance).plugin.webhookDeliveryId(call, read(in))));
      return DISPATCH_OK;
    });
  }

  static dispatch_status receive(dispatch_instance* instance, const dispatch_call* raw,
                                 const dispatch_webhook_request* in,
                                 dispatch_webhook_response* out) noexcept {
    return guarded(raw, [&](const Call& call) {
      if (!DISPATCH_REACHES(out, dispatch_webhook_response, body))
        throw Failure::unsupported("The host's answer is too short.");
      const WebhookResponse response = Holder<P>::of(instance).plugin.receiveWebhook(call, read(in));
      const std::size_t count = response.headers.size();
      auto* headers = inArena<dispatch_webhook_header>(raw, count);
      auto* pointers = inArena<const dispatch_webhook_header*>(raw, count);
      for (std::size_t i = 0; i < count; ++i) {
        headers[i] = {sizeof(dispatch_webhook_header), 0, toArena(raw, response.headers[i].first),
                      toArena(raw, response.headers[i].second)};
        pointers[i] = &headers[i];
      }
      out->headers = pointers;
      out->header_count = count;
      out->body = toArena(raw, response.body);
      out->status = static_cast<std::uint32_t>(response.status);
      return DISPATCH_OK;
    });
  }
  static constexpr dispatch_webhook_1 table{sizeof(dispatch_webhook_1), 0,
                                            HasWebhookDeliveryId<P> ? &WebhookEntry::identify : nullptr,
                                            &WebhookEntry::receive};

 private:
  template <class T>
  static T* inArena(const dispatch_call* raw, std::size_t count) {
    if (count == 0) return nullptr;
    void* memory = raw->alloc(raw, count * sizeof(T), alignof(T));
    if (memory == nullptr)
      throw Failure(DISPATCH_ERR_LIMIT, "The answer needs more than the host allows for one call.");
    return static_cast<T*>(memory);
  }
  static WebhookRequest read(const dispatch_webhook_request* in) {
    if (!DISPATCH_REACHES(in, dispatch_webhook_request, received_at_ns))
      throw Failure::unsupported("The host's request is too short.");
    WebhookRequest request;
    request.method = view(in->method);
    request.path = view(in->path);
    request.query = view(in->query);
    request.body = view(in->body);
    request.peerAddress = view(in->peer_address);
    request.attempt = in->attempt;
    request.receivedAt =
        std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(
            std::chrono::nanoseconds(in->received_at_ns)));
    for (std::uint64_t i = 0; i < in->header_count; ++i)
      if (in->headers[i] != nullptr)
        request.headers.emplace_back(view(in->headers[i]->name), view(in->headers[i]->value));
    return request;
  }
};

template <class P>
struct SourceEntry {
  static dispatch_status poll(dispatch_instance* instance, const dispatch_call* raw, dispatch_str cursor,
                              dispatch_source_result* out) noexcept {
    return guarded(raw, [&](const Call& call) {
      if (!DISPATCH_REACHES(out, dispatch_source_result, next_poll_ms))
        throw Failure::unsupported("The host's answer is too short.");
      const Polled polled = Holder<P>::of(instance).plugin.poll(call, view(cursor));
      out->cursor = toArena(raw, polled.cursor);
      out->more = polled.more ? 1 : 0;
      out->next_poll_ms = static_cast<std::uint64_t>(polled.next.count() > 0 ? polled.next.count() : 0);
      return DISPATCH_OK;
    });
  }
  static constexpr dispatch_source_1 table{sizeof(dispatch_source_1), 0, &SourceEntry::poll};
};

/// Everything the host reaches of a plugin of class P. Constants only: nothing runs when the library is
/// loaded.
template <class P>
struct Entry {
  static_assert(std::constructible_from<P, const Host&, const Config&>,
                "This plugin cannot be made. Expected: public Constructor(const dispatch::Host&, const "
                "dispatch::Config&)");
  static_assert(IsIntegration<P> || IsAuthProvider<P> || IsSecretProvider<P> || IsWebhookReceiver<P> ||
                    IsSource<P>,
                "This class is no plugin. Expected: a public base TicketPlugin, ContactPlugin, "
                "ParticipantPlugin, EmailPlugin, "
                "WorkflowPlugin, WebhookPlugin, SourcePlugin, AuthProvider or SecretProvider");
  static_assert(HasPoll<P> || !(IsSource<P> || requires { &P::poll; }),
                "This plugin lacks a method, or it has another signature. Expected: public Polled poll(const "
                "Call&, std::string_view cursor)");
  static_assert(HasReceiveWebhook<P> || !(IsWebhookReceiver<P> || requires { &P::receiveWebhook; }),
                "This plugin lacks a method, or it has another signature. Expected: public WebhookResponse "
                "receiveWebhook(const Call&, const WebhookRequest&)");
  static_assert(
      HasWebhookDeliveryId<P> || !requires { &P::webhookDeliveryId; },
      "This method has another signature. Expected: public std::string webhookDeliveryId(const Call&, const "
      "WebhookRequest&)");
  static_assert(
      HasTest<P> || !requires { &P::test; },
      "This method has another signature. Expected: public TestReport test(const Call&, const Json& input)");
  static_assert(
      HasEffectOf<P> || !requires { &P::effectOf; },
      "This method has another signature. Expected: public Effect effectOf(std::string_view method) const");
  static_assert(
      HasStart<P> || !requires { &P::start; },
      "This method has another signature. Expected: public void start(const Call&)");
  static_assert(
      HasReconfigure<P> || !requires { &P::reconfigure; },
      "This method has another signature. Expected: public void reconfigure(const Call&, const Config&)");
  static_assert(
      HasDrain<P> || !requires { &P::drain; },
      "This method has another signature. Expected: public void drain(const Call&)");
  static_assert(
      HasStop<P> || !requires { &P::stop; },
      "This method has another signature. Expected: public void stop(const Call&)");

  static dispatch_status create(const dispatch_host* host, const dispatch_call* raw, dispatch_str config,
                                dispatch_instance** out) noexcept {
    return guarded(raw, [&](const Call&) {
      *out = nullptr;
      auto holder = std::make_unique<Holder<P>>(host, Config(parse(view(config), "The configuration")));
      *out = reinterpret_cast<dispatch_instance*>(holder.release());
      return DISPATCH_OK;
    });
  }
  static dispatch_status start(dispatch_instance* instance, const dispatch_call* raw) noexcept {
    return guarded(raw, [&](const Call& call) {
      if constexpr (HasStart<P>) Holder<P>::of(instance).plugin.start(call);
      return DISPATCH_OK;
    });
  }
  static dispatch_status reconfigure(dispatch_instance* instance, const dispatch_call* raw,
                                     dispatch_str config, std::uint64_t revision) noexcept {
    return guarded(raw, [&](const Call& call) {
      if constexpr (HasReconfigure<P>)
        Holder<P>::of(instance).plugin.reconfigure(
            call, Config(parse(view(config), "The configuration"), revision));
      return DISPATCH_OK;
    });
  }
  static dispatch_status drain(dispatch_instance* instance, const dispatch_call* raw) noexcept {
    return guarded(raw, [&](const Call& call) {
      if constexpr (HasDrain<P>) Holder<P>::of(instance).plugin.drain(call);
      return DISPATCH_OK;
    });
  }
  static dispatch_status stop(dispatch_instance* instance, const dispatch_call* raw) noexcept {
    return guarded(raw, [&](const Call& call) {
      if constexpr (HasStop<P>) Holder<P>::of(instance).plugin.stop(call);
      return DISPATCH_OK;
    });
  }
  static void destroy(dispatch_instance* instance) noexcept {
    guardedOr(0, [&] {
      delete reinterpret_cast<Holder<P>*>(instance);
      return 0;
    });
  }
  static const void* getInterface([[maybe_unused]] dispatch_instance* instance, dispatch_str id) noexcept {
    const std::string_view wanted = view(id);
    if constexpr (IsIntegration<P>)
      if (wanted == DISPATCH_INTEGRATION_1) return Holder<P>::of(instance).integration.table();
    if constexpr (IsAuthProvider<P>)
      if (wanted == DISPATCH_AUTH_1) return &AuthEntry<P>::table;
    if constexpr (IsSecretProvider<P>)
      if (wanted == DISPATCH_SECRET_1) return &SecretEntry<P>::table;
    if constexpr (HasReceiveWebhook<P>)
      if (wanted == DISPATCH_WEBHOOK_1) return &WebhookEntry<P>::table;
    if constexpr (HasPoll<P>)
      if (wanted == DISPATCH_SOURCE_1) return &SourceEntry<P>::table;
    if constexpr (HasTest<P>)
      if (wanted == DISPATCH_HEALTH_1) return &HealthEntry<P>::table;
    return nullptr;
  }

  static constexpr dispatch_plugin_v1 describe(std::string_view id, std::string_view version) {
    return {sizeof(dispatch_plugin_v1),
            DISPATCH_ABI_MINOR,
            {id.data(), id.size()},
            {version.data(), version.size()},
            {buildInfo.data(), buildInfo.size()},
            &Entry::create,
            HasStart<P> ? &Entry::start : nullptr,
            HasReconfigure<P> ? &Entry::reconfigure : nullptr,
            HasDrain<P> ? &Entry::drain : nullptr,
            HasStop<P> ? &Entry::stop : nullptr,
            &Entry::destroy,
            &Entry::getInterface};
  }
};

}  // namespace dispatch::sdk

/// Stands once in a plugin, at namespace scope, after its class. Id and version come from plugin.json through
/// dispatch_add_plugin().
#define DISPATCH_PLUGIN(PluginClass)                                                                    \
  extern "C" __attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1( \
      void);                                                                                            \
  extern "C" const dispatch_plugin_v1* dispatch_plugin_query_v1(void) {                                 \
    static constexpr dispatch_plugin_v1 table =                                                         \
        ::dispatch::sdk::Entry<PluginClass>::describe(DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION);     \
    return &table;                                                                                      \
  }
