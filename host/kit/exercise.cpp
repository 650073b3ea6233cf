#include "kit/exercise.hpp"

#include "base/random.hpp"
#include "kit/sample.hpp"

namespace dispatch::kit {

namespace {

const char* nameOf(dispatch_status status) {
  static constexpr const char* names[] = {"OK",        "INVALID",   "UNAVAILABLE", "DENIED",
                                          "NOT_FOUND", "TIMEOUT",   "CANCELLED",   "UNSUPPORTED",
                                          "INTERNAL",  "UNCERTAIN", "LIMIT"};
  return status <= 0 && status >= DISPATCH_ERR_LIMIT ? names[-status] : "an unknown status";
}

plugin::JsonOutcome describeAndLogIn(plugin::Instance& instance, const plugin::CallOptions& options) {
  const auto described = instance.describeAuth(options);
  if (!described.ok()) return described;
  const Json none = Json::array();
  const auto actions = described.value.value("actions", none);
  if (!actions.is_array() || actions.empty() || !actions.front().is_string()) {
    plugin::JsonOutcome wrong;
    wrong.message =
        "describe names no actions: {\"title\", \"actions\": [\"login\", …], \"forms\"} is expected";
    return wrong;
  }
  const auto action = actions.front().get<std::string>();
  const auto form = described.value.value("forms", Json::object()).value(action, Json::object());
  return instance.authenticate({{"action", action},
                                {"organization", "default"},
                                {"base_url", "http://127.0.0.1:8000"},
                                {"peer_address", "127.0.0.1"},
                                {"fields", sampleOf(form)},
                                {"headers", Json::array()}},
                               options);
}

plugin::JsonOutcome encryptAndBack(plugin::Instance& instance, const plugin::CallOptions& options) {
  const std::string plaintext = "plain-" + randomToken(12);
  auto sealed = instance.encrypt("CHECK", plaintext, options);
  if (!sealed.ok()) return sealed;
  const auto opened = instance.decrypt("CHECK", sealed.value.get<std::string>(), options);
  if (opened.ok() && opened.secret.reveal() == plaintext) return sealed;
  plugin::JsonOutcome wrong;
  wrong.message = "what it encrypted does not decrypt to the same text" +
                  (opened.ok() ? std::string() : ": " + opened.message);
  return wrong;
}

plugin::JsonOutcome decryptNonsense(plugin::Instance& instance, const plugin::CallOptions& options) {
  const auto opened = instance.decrypt("CHECK", "bm90aGluZw==", options);
  plugin::JsonOutcome outcome;
  static_cast<plugin::Outcome&>(outcome) = opened;
  return outcome;
}

/// Somebody who is not known to it: refused, most likely, but in a sentence or a status.
plugin::JsonOutcome deliver(plugin::Instance& instance, const plugin::CallOptions& options) {
  plugin::WebhookRequest request;
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = "{}";
  request.peerAddress = "127.0.0.1";
  plugin::JsonOutcome outcome;
  const auto identified = instance.identifyWebhook(request, options);
  static_cast<plugin::Outcome&>(outcome) = identified;
  if (!identified.ok()) return outcome;
  const auto received = instance.receiveWebhook(request, options);
  static_cast<plugin::Outcome&>(outcome) = received;
  if (received.ok()) outcome.value = {{"status", received.response.status}};
  return outcome;
}

/// From its beginning: whoever it asks is not there, most likely.
plugin::JsonOutcome pollOnce(plugin::Instance& instance, const plugin::CallOptions& options) {
  plugin::JsonOutcome outcome;
  const auto polled = instance.poll("", options);
  static_cast<plugin::Outcome&>(outcome) = polled;
  if (polled.ok()) outcome.value = {{"cursor", polled.cursor}, {"more", polled.more}};
  return outcome;
}

}  // namespace

std::vector<Exercise> exercisesOf(const plugin::Instance& instance, const Json& contract) {
  std::vector<Exercise> all;
  const auto& methods = contract.at("methods");
  for (const auto& method : instance.methods()) {
    const auto described = methods.find(method.name);
    if (described == methods.end()) continue;
    const Json none = Json::array();
    int number = 0;
    for (const auto& example : described->value("examples", none))
      all.push_back({method.name + " (example " + std::to_string(++number) + ")",
                     [name = method.name, input = example.at("input")](plugin::Instance& called,
                                                                       const plugin::CallOptions& options) {
                       auto once = options;
                       if (once.idempotencyKey.empty()) once.idempotencyKey = randomUuid();
                       return called.invoke(name, input, once);
                     }});
  }
  if (instance.has(DISPATCH_AUTH_1)) all.push_back({"describe and authenticate", describeAndLogIn});
  if (instance.has(DISPATCH_SECRET_1)) {
    all.push_back({"decrypt", decryptNonsense});
    all.push_back({"encrypt and decrypt", encryptAndBack});
  }
  if (instance.has(DISPATCH_WEBHOOK_1)) all.push_back({"identify and receive", deliver});
  if (instance.has(DISPATCH_SOURCE_1)) all.push_back({"poll", pollOnce});
  return all;
}

std::vector<Exercised> exercise(plugin::Instance& instance, const Json& contract) {
  std::vector<Exercised> all;
  for (const auto& one : exercisesOf(instance, contract)) all.push_back({one.what, one.call(instance, {})});
  return all;
}

std::optional<std::string> defectOf(const Exercised& exercised) {
  const auto& outcome = exercised.outcome;
  if (outcome.ok()) return std::nullopt;
  const auto& message = outcome.message;
  const auto wrong = exercised.what + ": " + message;
  if (outcome.status == DISPATCH_ERR_TIMEOUT)
    return wrong + " A method must end by its timeout even when nobody answers.";
  if (message.find("without saying why") != std::string::npos)
    return wrong + " Every failure needs a sentence: call->fail in C, throw Failure in C++.";
  if (outcome.status == DISPATCH_ERR_INTERNAL || message.find("its worker ") != std::string::npos)
    return wrong;
  // The host's words where an answer breaks its contract (ProcessInstance).
  if (message.starts_with("Plugin ") && message.find(", but ") != std::string::npos &&
      message.find(" answered ") != std::string::npos)
    return wrong;
  if (message.find(' ') == std::string::npos)
    return exercised.what + " fails with \"" + message + "\", which is no sentence for a person.";
  return std::nullopt;
}

std::string textOf(const plugin::Outcome& outcome) {
  return outcome.ok() ? "OK" : nameOf(outcome.status) + (": " + outcome.message);
}

Json shapeOf(const Json& value) {
  if (value.is_object()) {
    Json shape = Json::object();
    for (const auto& entry : value.items()) shape[entry.key()] = shapeOf(entry.value());
    return shape;
  }
  if (value.is_array()) return Json::array({value.empty() ? Json("empty") : shapeOf(value.front())});
  return value.is_number() ? "number" : value.type_name();
}

}  // namespace dispatch::kit
