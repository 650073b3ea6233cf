// dispatch.auth/1: fails closed. Whatever is not exactly an identity, a redirect or a form is a denial.
#include "plugin/call/process_instance.hpp"

#include "base/problem.hpp"
#include "plugin/service/service_support.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxStateBytes = 4096;
constexpr std::uint64_t maxNameBytes = 1024;
constexpr std::uint64_t maxUrlBytes = 8192;

dispatch_auth_action actionOf(std::string_view name) {
  if (name == "login") return DISPATCH_AUTH_LOGIN;
  if (name == "register") return DISPATCH_AUTH_REGISTER;
  if (name == "change_password") return DISPATCH_AUTH_CHANGE_PASSWORD;
  if (name == "callback") return DISPATCH_AUTH_CALLBACK;
  if (name == "logout") return DISPATCH_AUTH_LOGOUT;
  if (name == "token") return DISPATCH_AUTH_TOKEN;
  return 0;
}

dispatch_str strOf(const std::string& text) { return {text.data(), text.size()}; }
std::string textOf(dispatch_str text) {
  return text.len == 0 ? std::string() : std::string(text.ptr, text.len);
}

bool oneLineText(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// The texts of a request; wiped when they go, for the fields hold passwords.
struct RequestTexts {
  std::string organization, baseUrl, peer, fields, headers, state, subject;
  explicit RequestTexts(const Json& request)
      : organization(textOr(request, "organization")),
        baseUrl(textOr(request, "base_url")),
        peer(textOr(request, "peer_address")),
        fields(dumpJson(request.value("fields", Json::object()))),
        headers(dumpJson(request.value("headers", Json::array()))),
        state(textOr(request, "state")),
        subject(textOr(request, "subject")) {}
  ~RequestTexts() { sodium_memzero(fields.data(), fields.size()); }
  RequestTexts(const RequestTexts&) = delete;
  RequestTexts& operator=(const RequestTexts&) = delete;
};

Json denial() { return Json{{"kind", "deny"}, {"message", ""}, {"field", ""}}; }

std::optional<Json> objectOf(dispatch_str text) {
  try {
    auto json = parseJson(textOf(text), "it");
    if (json.is_object()) return json;
  } catch (const Problem&) {
    // Told by the caller, which knows what it is.
  }
  return std::nullopt;
}

}  // namespace

JsonOutcome ProcessInstance::describeAuth(const CallOptions& options) {
  const auto* table = interface<dispatch_auth_1>(DISPATCH_AUTH_1);
  if (!DISPATCH_HAS(table, dispatch_auth_1, describe))
    return {refused(DISPATCH_ERR_UNSUPPORTED, "Plugin " + nameText() + " is no auth provider."), nullptr};
  return runForJson(
      "describe", Effect::read, options,
      [&](HostCall& call, dispatch_str* out) { return table->describe(_instance, call.abi(), out); },
      [](const Json& value) -> std::optional<std::string> {
        if (!value.is_object() || !value.contains("title") || !value["title"].is_string() ||
            !value.contains("actions") || !value["actions"].is_array())
          return "its description is not {\"title\", \"actions\": […], \"forms\"}";
        for (const auto& action : value["actions"])
          if (!action.is_string() || actionOf(action.get<std::string>()) == 0)
            return "its description names an unknown action";
        return std::nullopt;
      });
}

std::optional<std::string> ProcessInstance::readIdentity(HostCall& call, const dispatch_auth_result& result,
                                                         Json& value) const {
  const std::array<std::pair<const char*, dispatch_str>, 10> texts{{{"issuer", result.issuer},
                                                                    {"subject", result.subject},
                                                                    {"email", result.email},
                                                                    {"name", result.name},
                                                                    {"claims_json", result.claims_json},
                                                                    {"redirect_url", result.redirect_url},
                                                                    {"state", result.state},
                                                                    {"form_json", result.form_json},
                                                                    {"message", result.message},
                                                                    {"field", result.field}}};
  for (const auto& [name, text] : texts)
    if (auto wrong = checkAnswer(call, text, name)) return wrong;
  if (result.state.len > maxStateBytes) return "its state is longer than 4 KiB";

  switch (result.kind) {
    case DISPATCH_AUTH_DENY:
      value["message"] = oneLine(textOf(result.message), 500);
      value["field"] = oneLine(textOf(result.field), 100);
      return std::nullopt;
    case DISPATCH_AUTH_IDENTITY: {
      if (result.issuer.len == 0 || result.subject.len == 0 || result.issuer.len > maxUrlBytes ||
          result.subject.len > maxNameBytes)
        return "its identity has no issuer or no subject";
      const auto email = textOf(result.email), name = textOf(result.name);
      if (email.size() > 320 || name.size() > maxNameBytes || !oneLineText(email) || !oneLineText(name) ||
          !oneLineText(textOf(result.subject)) || !oneLineText(textOf(result.issuer)))
        return "its identity holds control characters or is too long";
      const auto claims =
          result.claims_json.len == 0 ? Json::object() : objectOf(result.claims_json).value_or(Json());
      if (!claims.is_object()) return "its claims are no JSON object";
      value = Json{{"kind", "identity"},
                   {"issuer", textOf(result.issuer)},
                   {"subject", textOf(result.subject)},
                   {"email", email},
                   {"name", name},
                   {"claims", claims},
                   {"email_verified", result.email_verified == 1},
                   {"authentication_age", result.authentication_age}};
      return std::nullopt;
    }
    case DISPATCH_AUTH_REDIRECT: {
      const auto url = textOf(result.redirect_url);
      if (url.size() > maxUrlBytes || !oneLineText(url) || url.find(' ') != std::string::npos ||
          !(url.starts_with("https://") || url.starts_with("http://")))
        return "its redirect is no http(s) URL";
      value = Json{{"kind", "redirect"}, {"redirect_url", url}, {"state", textOf(result.state)}};
      return std::nullopt;
    }
    case DISPATCH_AUTH_FORM:
    case DISPATCH_AUTH_CHALLENGE: {
      const auto form = objectOf(result.form_json);
      if (!form) return "its form is no JSON object";
      value = Json{{"kind", result.kind == DISPATCH_AUTH_FORM ? "form" : "challenge"},
                   {"form", *form},
                   {"state", textOf(result.state)},
                   {"message", oneLine(textOf(result.message), 500)}};
      return std::nullopt;
    }
    default:
      return "its result is of the unknown kind " + std::to_string(result.kind);
  }
}

JsonOutcome ProcessInstance::authenticate(const Json& request, const CallOptions& options) {
  JsonOutcome outcome;
  outcome.value = denial();
  const auto* table = interface<dispatch_auth_1>(DISPATCH_AUTH_1);
  if (!DISPATCH_HAS(table, dispatch_auth_1, authenticate)) {
    static_cast<Outcome&>(outcome) =
        refused(DISPATCH_ERR_UNSUPPORTED, "Plugin " + nameText() + " is no auth provider.");
    return outcome;
  }
  const auto action = actionOf(textOr(request, "action"));
  if (action == 0) {
    static_cast<Outcome&>(outcome) = refused(DISPATCH_ERR_INVALID, "The request names no known action.");
    return outcome;
  }
  const RequestTexts texts(request);
  dispatch_auth_request asked{};
  asked.struct_size = sizeof asked;
  asked.action = action;
  asked.organization = strOf(texts.organization);
  asked.base_url = strOf(texts.baseUrl);
  asked.peer_address = strOf(texts.peer);
  asked.fields_json = strOf(texts.fields);
  asked.headers_json = strOf(texts.headers);
  asked.state = strOf(texts.state);
  asked.subject = strOf(texts.subject);
  dispatch_auth_result direct{};
  direct.struct_size = sizeof direct;
  Json value = denial();
  static_cast<Outcome&>(outcome) = run(
      "authenticate", Effect::read, options,
      [&](HostCall& call) { return table->authenticate(_instance, call.abi(), &asked, &direct); },
      [&](HostCall& call, const void* out) -> std::optional<std::string> {
        const auto* result = &direct;
        if (out != nullptr) {
          result = static_cast<const dispatch_auth_result*>(out);
          if (!call.arena().owns(out, sizeof direct) || result->struct_size < sizeof direct)
            return "its result is not in the memory of its call";
        }
        return readIdentity(call, *result, value);
      });
  if (outcome.ok()) outcome.value = std::move(value);
  return outcome;
}

}  // namespace dispatch::plugin
