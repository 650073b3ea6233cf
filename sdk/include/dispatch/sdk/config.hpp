#pragma once

#include <dispatch/sdk/call.hpp>
#include <dispatch/sdk/secret.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dispatch {

/// The configuration of an instance, already valid against the manifest's schema and with its defaults filled
/// in. The getters say in a sentence what is wrong where schema and code disagree: Failure(INVALID).
class Config {
 public:
  explicit Config(Json value, std::uint64_t revision = 0) : _value(std::move(value)), _revision(revision) {
    if (!_value.is_object()) throw Failure::invalid("The configuration is not a JSON object.");
  }

  std::uint64_t revision() const noexcept { return _revision; }
  const Json& json() const noexcept { return _value; }
  bool has(std::string_view name) const { return find(name) != nullptr; }

  std::string text(std::string_view name) const {
    return need(name, "text", &Json::is_string).get<std::string>();
  }
  std::string text(std::string_view name, std::string_view fallback) const {
    return has(name) ? text(name) : std::string(fallback);
  }
  std::int64_t integer(std::string_view name) const {
    return need(name, "a whole number", &Json::is_number_integer).get<std::int64_t>();
  }
  std::int64_t integer(std::string_view name, std::int64_t fallback) const {
    return has(name) ? integer(name) : fallback;
  }
  bool boolean(std::string_view name) const {
    return need(name, "true or false", &Json::is_boolean).get<bool>();
  }
  bool boolean(std::string_view name, bool fallback) const { return has(name) ? boolean(name) : fallback; }
  std::vector<std::string> texts(std::string_view name) const {
    std::vector<std::string> out;
    if (!has(name)) return out;
    for (const Json& item : need(name, "a list of text", &Json::is_array)) {
      if (!item.is_string()) throw wrong(name, "a list of text", item);
      out.push_back(item.get<std::string>());
    }
    return out;
  }

  /// A setting with "x-dispatch-secret".
  Secret secret(std::string_view name) const {
    const Secret found = optionalSecret(name);
    if (!found) throw Failure::invalid("Setting \"" + std::string(name) + "\" is missing: enter the secret.");
    return found;
  }
  /// No secret where the setting is absent or empty.
  Secret optionalSecret(std::string_view name) const {
    const Json* value = find(name);
    if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty())) return {};
    const auto handle = value->is_object() ? value->find("$secret") : value->end();
    if (!value->is_object() || handle == value->end() || !handle->is_number_unsigned())
      throw Failure::invalid("Setting \"" + std::string(name) +
                             "\" is not marked as a secret in plugin.json (\"x-dispatch-secret\": true).");
    return Secret(handle->get<dispatch_secret_handle>());
  }

 private:
  const Json* find(std::string_view name) const {
    const auto found = _value.find(std::string(name));
    return found == _value.end() || found->is_null() ? nullptr : &*found;
  }
  const Json& need(std::string_view name, std::string_view expected,
                   bool (Json::*is)() const noexcept) const {
    const Json* value = find(name);
    if (value == nullptr)
      throw Failure::invalid("Setting \"" + std::string(name) + "\" is missing: enter " +
                             std::string(expected) + ".");
    if (!(value->*is)()) throw wrong(name, expected, *value);
    return *value;
  }
  static Failure wrong(std::string_view name, std::string_view expected, const Json& found) {
    return Failure::invalid("Setting \"" + std::string(name) + "\" should be " + std::string(expected) +
                            ", but is " + found.type_name() + ".");
  }

  Json _value;
  std::uint64_t _revision;
};

}  // namespace dispatch
