// What is asked of a running instance, interface by interface.
#include "plugin/call/process_instance.hpp"

#include "base/problem.hpp"
#include "plugin/service/service_support.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

constexpr std::uint32_t maxMethods = 256;

Effect effectOf(dispatch_effect effect) {
  switch (effect) {
    case DISPATCH_EFFECT_READ:
      return Effect::read;
    case DISPATCH_EFFECT_IDEMPOTENT:
      return Effect::idempotent;
    case DISPATCH_EFFECT_FINDABLE:
      return Effect::findable;
    default:
      return Effect::atMostOnce;
  }
}

std::string_view viewOf(dispatch_str text) {
  return text.len == 0 ? std::string_view() : std::string_view(text.ptr, text.len);
}

}  // namespace

const void* ProcessInstance::interfaceTable(std::string_view id) const noexcept {
  try {
    return _parts.library->table().get_interface(_instance, {id.data(), id.size()});
  } catch (...) {
    return nullptr;
  }
}

bool ProcessInstance::has(std::string_view interfaceId) const {
  return interfaceTable(interfaceId) != nullptr;
}

void ProcessInstance::readMethods() {
  const auto refuse = [&](const std::string& what) -> void {
    throw Problem(Problem::Kind::invalid, "Plugin " + nameText() + " lists its methods wrongly: " + what +
                                              ". Build it again with the SDK.")
        .withType("plugin_methods");
  };
  std::vector<Method> methods;
  const auto* table = interface<dispatch_integration_1>(DISPATCH_INTEGRATION_1);
  if (table != nullptr) {
    if (!DISPATCH_HAS(table, dispatch_integration_1, invoke)) refuse("invoke is missing");
    if (table->method_count > maxMethods || (table->methods == nullptr && table->method_count > 0))
      refuse("it claims " + std::to_string(table->method_count));
    for (std::uint32_t i = 0; i < table->method_count; ++i) {
      const auto* method = table->methods[i];
      if (!DISPATCH_HAS(method, dispatch_method, name.ptr) || method->name.len == 0 || method->name.len > 64)
        refuse("number " + std::to_string(i) + " has no name");
      methods.push_back(
          {std::string(viewOf(method->name)), effectOf(method->effect), method->contract_revision});
    }
  }
  const auto& contracts = _parts.runtime->contracts;
  for (const auto& method : methods) {
    const auto* contract = contracts.method(_parts.manifest.type, method.name);
    if (contract == nullptr)
      _context->logger().warning("Plugin " + nameText() + " implements " + method.name +
                                 ", which the contract of " + _parts.manifest.type +
                                 " does not have; it is never called.");
    else if (method.contractRevision > contract->revision)
      refuse(method.name + " is made for revision " + std::to_string(method.contractRevision) +
             " of its contract, this host has " + std::to_string(contract->revision));
  }
  const std::lock_guard lock(_methodsMutex);
  _methods = std::move(methods);
}

std::vector<Instance::Method> ProcessInstance::methods() const {
  const std::lock_guard lock(_methodsMutex);
  return _methods;
}

std::optional<Instance::Method> ProcessInstance::methodNamed(std::string_view name) const {
  const std::lock_guard lock(_methodsMutex);
  const auto found =
      std::find_if(_methods.begin(), _methods.end(), [&](const Method& one) { return one.name == name; });
  return found == _methods.end() ? std::nullopt : std::optional(*found);
}

JsonOutcome ProcessInstance::runForJson(std::string_view method, Effect effect, const CallOptions& options,
                                        FunctionRef<dispatch_status(HostCall&, dispatch_str*)> enter,
                                        FunctionRef<std::optional<std::string>(const Json&)> check) {
  JsonOutcome outcome;
  dispatch_str direct{nullptr, 0};
  static_cast<Outcome&>(outcome) = run(
      method, effect, options, [&](HostCall& call) { return enter(call, &direct); },
      [&](HostCall& call, const void* out) -> std::optional<std::string> {
        auto answer = direct;
        if (out != nullptr) {
          if (!call.arena().owns(out, sizeof(dispatch_str)))
            return "its answer is not in the memory of its call";
          answer = *static_cast<const dispatch_str*>(out);
        }
        if (auto wrong = checkAnswer(call, answer, "its answer")) return wrong;
        if (answer.len == 0) return "its answer is empty";
        try {
          outcome.value = parseJson(viewOf(answer), "its answer");
        } catch (const Problem& problem) {
          return oneLine(problem.what(), 300);
        }
        auto wrong = check(outcome.value);
        if (wrong) outcome.value = nullptr;
        return wrong;
      });
  return outcome;
}

JsonOutcome ProcessInstance::invoke(const std::string& method, const Json& input,
                                    const CallOptions& options) {
  const auto known = methodNamed(method);
  const auto* contract = _parts.runtime->contracts.method(_parts.manifest.type, method);
  if (!known || contract == nullptr)
    return {refused(DISPATCH_ERR_UNSUPPORTED, "Plugin " + nameText() + " does not implement " + method + "."),
            nullptr};
  if (const auto violations = contract->input->check(input); !violations.empty())
    return {
        refused(DISPATCH_ERR_INVALID, "The input of " + _parts.manifest.type + '.' + method +
                                          " breaks its contract: " + JsonSchema::sentence(violations) + "."),
        nullptr};
  const auto* table = interface<dispatch_integration_1>(DISPATCH_INTEGRATION_1);
  if (!DISPATCH_HAS(table, dispatch_integration_1, invoke))
    return {refused(DISPATCH_ERR_INTERNAL,
                    "Plugin " + nameText() + " no longer gives its integration interface."),
            nullptr};
  const auto text = dumpJson(input);
  return runForJson(
      method, known->effect, options,
      [&](HostCall& call, dispatch_str* out) {
        // In the call's own memory: a pending call may outlive its caller.
        dispatch_str name{}, in{};
        if (!call.copyOut(method, name) || !call.copyOut(text, in))
          return call.fail(DISPATCH_ERR_LIMIT, "its input does not fit into the memory of a call", 0);
        return table->invoke(_instance, call.abi(), name, in, out);
      },
      [&](const Json& value) -> std::optional<std::string> {
        const auto violations = contract->output->check(value);
        if (violations.empty()) return std::nullopt;
        return "the answer breaks the contract of " + _parts.manifest.type + '.' + method + ": " +
               JsonSchema::sentence(violations);
      });
}

JsonOutcome ProcessInstance::test(const Json& input, const CallOptions& options) {
  const auto* table = interface<dispatch_health_1>(DISPATCH_HEALTH_1);
  if (!DISPATCH_HAS(table, dispatch_health_1, test))
    return {refused(DISPATCH_ERR_UNSUPPORTED, "Plugin " + nameText() + " has no test of its own."), nullptr};
  if (!input.is_object())
    return {refused(DISPATCH_ERR_INVALID, "The input of a test must be a JSON object."), nullptr};
  if (const auto schema = _parts.manifest.configurationSchema.find("x-dispatch-test");
      schema != _parts.manifest.configurationSchema.end())
    if (const auto violations = validate(*schema, input); !violations.empty())
      return {refused(DISPATCH_ERR_INVALID,
                      "The input of the test is not valid: " + JsonSchema::sentence(violations) + "."),
              nullptr};
  const auto text = dumpJson(input);
  auto insisting = options;
  insisting.insist = true;
  return runForJson(
      "test", Effect::read, insisting,
      [&](HostCall& call, dispatch_str* out) {
        dispatch_str in{};
        if (!call.copyOut(text, in))
          return call.fail(DISPATCH_ERR_LIMIT, "its input does not fit into the memory of a call", 0);
        return table->test(_instance, call.abi(), in, out);
      },
      [](const Json& value) -> std::optional<std::string> {
        const auto checks = value.is_object() ? value.find("checks") : value.end();
        if (!value.is_object() || checks == value.end() || !checks->is_array())
          return "its report is not {\"summary\", \"checks\": […]}";
        for (const auto& check : *checks)
          if (!check.is_object() || !check.contains("name") || !check.contains("ok") ||
              !check["ok"].is_boolean())
            return "a check of its report has no name or no result";
        return std::nullopt;
      });
}

Instance::SecretOutcome ProcessInstance::decrypt(const std::string& name, const std::string& stored,
                                                 const CallOptions& options) {
  SecretOutcome outcome;
  const auto* table = interface<dispatch_secret_1>(DISPATCH_SECRET_1);
  if (!DISPATCH_HAS(table, dispatch_secret_1, decrypt)) {
    static_cast<Outcome&>(outcome) =
        refused(DISPATCH_ERR_UNSUPPORTED, "Plugin " + nameText() + " is no secret provider.");
    return outcome;
  }
  static_cast<Outcome&>(outcome) = run(
      "decrypt", Effect::read, options,
      [&](HostCall& call) {
        return table->decrypt(_instance, call.abi(), {name.data(), name.size()},
                              {stored.data(), stored.size()}, call.sink());
      },
      [&](HostCall& call, const void*) -> std::optional<std::string> {
        outcome.secret = call.takeSecret();
        return outcome.secret.empty() ? std::optional<std::string>("it gave no secret") : std::nullopt;
      });
  return outcome;
}

JsonOutcome ProcessInstance::encrypt(const std::string& name, std::string_view plaintext,
                                     const CallOptions& options) {
  JsonOutcome outcome;
  const auto* table = interface<dispatch_secret_1>(DISPATCH_SECRET_1);
  if (!DISPATCH_HAS(table, dispatch_secret_1, encrypt)) {
    static_cast<Outcome&>(outcome) =
        refused(DISPATCH_ERR_UNSUPPORTED, "Plugin " + nameText() + " cannot encrypt.");
    return outcome;
  }
  dispatch_str direct{nullptr, 0};
  static_cast<Outcome&>(outcome) = run(
      "encrypt", Effect::read, options,
      [&](HostCall& call) {
        return table->encrypt(_instance, call.abi(), {name.data(), name.size()},
                              {plaintext.data(), plaintext.size()}, &direct);
      },
      [&](HostCall& call, const void* out) -> std::optional<std::string> {
        auto answer = direct;
        if (out != nullptr) {
          if (!call.arena().owns(out, sizeof(dispatch_str)))
            return "its answer is not in the memory of its call";
          answer = *static_cast<const dispatch_str*>(out);
        }
        if (auto wrong = checkAnswer(call, answer, "the ciphertext")) return wrong;
        if (answer.len == 0) return "the ciphertext is empty";
        const auto text = viewOf(answer);
        // It is written into .env between brackets: what would end it there, or is no text, cannot be read
        // back.
        if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~' || c == ']'; }))
          return "the ciphertext holds characters that ENC[…] cannot";
        outcome.value = text;
        return std::nullopt;
      });
  return outcome;
}

}  // namespace dispatch::plugin
