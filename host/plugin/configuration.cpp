#include "base/problem.hpp"
#include "plugin/package/json_schema.hpp"

#include <atomic>

namespace dispatch::plugin {

namespace {

constexpr std::size_t maxSecretBytes = 64u << 10;

const Json* member(const Json& node, const std::string& key) {
  if (!node.is_object()) return nullptr;
  const auto found = node.find(key);
  return found == node.end() ? nullptr : &*found;
}

bool isSecret(const Json& schema) {
  const Json* mark = member(schema, "x-dispatch-secret");
  return mark != nullptr && *mark == true;
}

bool requires_(const Json& schema, const std::string& name) {
  const Json* required = member(schema, "required");
  if (required == nullptr || !required->is_array()) return false;
  for (const auto& one : *required)
    if (one == name) return true;
  return false;
}

/// A form sends "" for what was left empty. For an optional secret or one of the formats that "" never
/// satisfies, that means absent; elsewhere "" is a value.
bool emptyMeansAbsent(const Json& schema, const Json& value) {
  if (value.is_null()) return true;
  if (!value.is_string() || !value.get_ref<const std::string&>().empty()) return false;
  return isSecret(schema) || schema.contains("format") || schema.contains("enum") ||
         schema.contains("pattern") || schema.contains("minLength");
}

/// Defaults put in and empty optional values taken out, at every depth.
void complete(const Json& schema, Json& value) {
  if (value.is_object()) {
    const Json* properties = member(schema, "properties");
    if (properties == nullptr) return;
    for (const auto& entry : properties->items()) {
      const auto& name = entry.key();
      const Json& inner = entry.value();
      if (auto found = value.find(name);
          found != value.end() && emptyMeansAbsent(inner, *found) && !requires_(schema, name))
        value.erase(found);
      if (!value.contains(name))
        if (const Json* fallback = member(inner, "default"); fallback != nullptr) value[name] = *fallback;
      if (auto found = value.find(name); found != value.end()) complete(inner, *found);
    }
  } else if (value.is_array()) {
    if (const Json* items = member(schema, "items"); items != nullptr && items->is_object())
      for (auto& one : value) complete(*items, one);
  }
}

/// Handles are never used twice in a process: one of an old configuration cannot come to mean a new secret.
std::uint32_t nextHandle() {
  static std::atomic<std::uint32_t> last{0};
  return ++last;
}

void extract(const Json& schema, Json& value, Configuration& configuration,
             std::vector<std::string>& location) {
  if (isSecret(schema)) {
    if (!value.is_string())
      throw Problem(Problem::Kind::invalid, placeText(location) + " is a secret and must be text.", location);
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > maxSecretBytes)
      throw Problem(Problem::Kind::invalid,
                    placeText(location) + " is longer than " + std::to_string(maxSecretBytes) + " bytes.",
                    location);
    const auto handle = nextHandle();
    configuration.secrets.emplace(handle, config::SecretText(text));
    value = Json{{"$secret", handle}};
    return;
  }
  if (value.is_object()) {
    const Json* properties = member(schema, "properties");
    for (auto& entry : value.items()) {
      const Json* inner = properties == nullptr ? nullptr : member(*properties, entry.key());
      if (inner == nullptr) inner = member(schema, "additionalProperties");
      if (inner == nullptr) continue;
      location.push_back(entry.key());
      extract(*inner, entry.value(), configuration, location);
      location.pop_back();
    }
  } else if (value.is_array()) {
    if (const Json* items = member(schema, "items"); items != nullptr)
      for (std::size_t i = 0; i < value.size(); ++i) {
        location.push_back(std::to_string(i));
        extract(*items, value[i], configuration, location);
        location.pop_back();
      }
  }
}

}  // namespace

Configuration makeConfiguration(const Json& schema, const Json& plain, std::uint64_t revision) {
  if (!plain.is_object())
    throw Problem(Problem::Kind::invalid, "The configuration must be a JSON object.")
        .withType("plugin_configuration");
  Configuration configuration;
  configuration.revision = revision;
  configuration.value = plain;
  complete(schema, configuration.value);
  if (const auto violations = validate(schema, configuration.value); !violations.empty())
    throw Problem(Problem::Kind::invalid,
                  "The configuration is not valid: " + JsonSchema::sentence(violations) + ".",
                  violations.front().location)
        .withType("plugin_configuration");
  std::vector<std::string> location;
  extract(schema, configuration.value, configuration, location);
  return configuration;
}

std::vector<Violation> validate(const Json& schema, const Json& value) {
  return JsonSchema(schema, "The schema").check(value);
}

}  // namespace dispatch::plugin
