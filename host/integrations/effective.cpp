#include "integrations/effective.hpp"

#include "base/base.hpp"

#include "integrations/declared.hpp"
#include "integrations/secret_fields.hpp"

#include <sodium.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

namespace dispatch::integrations {

namespace {

/// A secret that cannot be read is no field that somebody filled in wrongly, and may mend itself (a secret
/// provider that comes back): the refusal names setting, provider and reason, and no place in a form.
std::string revealed(const config::SecretResolver& resolver, const std::string& name,
                     const std::string& stored, const std::string& source) {
  try {
    return std::string(resolver(name, stored).reveal());
  } catch (const Problem& problem) {
    throw Problem(Problem::Kind::invalid, problem.what() + (" (" + source + ")"));
  }
}

/// What the schema gives a setting that nobody has set: not stored, so that a newer version's default counts.
void addDefaults(const Json& schema, Json& configuration) {
  const auto properties = schema.is_object() ? schema.find("properties") : schema.end();
  if (properties == schema.end() || !properties->is_object()) return;
  for (const auto& [name, property] : properties->items()) {
    if (!property.is_object() || !property.contains("default") || isSecretProperty(property)) continue;
    const auto set = configuration.find(name);
    if (set == configuration.end() || set->is_null()) configuration[name] = property.at("default");
  }
}

}  // namespace

std::string variableOf(const std::string& pluginId, const std::string& field) {
  std::string name = "DISPATCH_PLUGIN_";
  for (const char c : pluginId + "_" + field) {
    const auto byte = static_cast<unsigned char>(c);
    name += std::isalnum(byte) ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return name;
}

const Json& propertyOf(const plugin::Manifest& manifest, const std::string& name) {
  static const Json none = Json::object();
  const Json& schema = manifest.configurationSchema;
  if (!schema.is_object() || !schema.contains("properties") || !schema["properties"].contains(name))
    return none;
  return schema["properties"][name];
}

bool isSecretProperty(const Json& property) {
  return property.is_object() && property.value("x-dispatch-secret", false);
}

EffectiveConfigurations::EffectiveConfigurations(const config::Settings& settings,
                                                 const config::Envelope& envelope,
                                                 config::SecretResolver resolver)
    : _settings(settings), _envelope(envelope), _resolver(std::move(resolver)) {}

void overlayVariables(const config::Settings& settings, const config::SecretResolver& resolver,
                      const plugin::Manifest& manifest, Json& configuration) {
  for (const auto& [field, stored] : settings.pluginFields(manifest.id)) {
    const auto key = propertyFor(manifest.configurationSchema, field);
    const auto name = variableOf(manifest.id, field);
    if (key.empty()) continue;  // of a plugin whose id begins with this one's, or misspelt: strayVariables()
    const Json& schema = propertyOf(manifest, key);
    const std::string text(stored.first.reveal());
    if (isSecretProperty(schema) || isSecretReference(text)) {
      std::string clear = revealed(resolver, name, text, stored.second.source);
      configuration[key] = fromText(schema, clear, name);
      sodium_memzero(clear.data(), clear.size());
    } else {
      configuration[key] = fromText(schema, text, name);
    }
  }
}

plugin::Configuration hostConfiguration(const plugin::Manifest& manifest, const config::Settings& settings,
                                        const config::SecretResolver& resolver) {
  Json plain = Json::object();
  addDefaults(manifest.configurationSchema, plain);
  overlayVariables(settings, resolver, manifest, plain);
  try {
    auto configuration = plugin::makeConfiguration(manifest.configurationSchema, plain, 1);
    wipeSecrets(manifest.configurationSchema, plain);
    return configuration;
  } catch (...) {
    wipeSecrets(manifest.configurationSchema, plain);
    throw;
  }
}

Json EffectiveConfigurations::open(const plugin::Manifest& manifest, const Json& stored, std::int64_t row,
                                   bool references) const {
  const Json& schema = manifest.configurationSchema;
  Json configuration = stored.is_object() ? stored : Json::object();
  if (references) {
    forEachSecret(schema, configuration, [&](const std::string& pointer, std::string& value) {
      if (isSecretReference(value))
        value = revealed(_resolver, variableOf(manifest.id, pointer.substr(1)), value, "dispatch.yaml");
    });
  }
  openSecrets(schema, configuration, _envelope, row);
  addDefaults(schema, configuration);
  overlayVariables(_settings, _resolver, manifest, configuration);
  return configuration;
}

plugin::Configuration EffectiveConfigurations::make(const plugin::Manifest& manifest, const Json& stored,
                                                    std::int64_t row, std::uint64_t revision,
                                                    bool references) const {
  Json plain = open(manifest, stored, row, references);
  try {
    auto configuration = plugin::makeConfiguration(manifest.configurationSchema, plain, revision);
    wipeSecrets(manifest.configurationSchema, plain);
    return configuration;
  } catch (...) {
    wipeSecrets(manifest.configurationSchema, plain);
    throw;
  }
}

void EffectiveConfigurations::check(const plugin::Manifest& manifest, const Json& stored, std::int64_t row,
                                    bool references) const {
  Json plain = open(manifest, stored, row, references);
  // An empty optional secret is one that is not set.
  std::vector<std::string> empty;
  for (const auto& [key, value] : plain.items())
    if (value.is_string() && value.get_ref<const std::string&>().empty() &&
        isSecretProperty(propertyOf(manifest, key)))
      empty.push_back(key);
  for (const auto& key : empty) plain.erase(key);
  const auto violations = plugin::validate(manifest.configurationSchema, plain);
  wipeSecrets(manifest.configurationSchema, plain);
  if (violations.empty()) return;
  const auto problem = [](const plugin::Violation& violation) {
    std::vector<std::string> location{"body", "configuration"};
    location.insert(location.end(), violation.location.begin(), violation.location.end());
    return Problem(Problem::Kind::invalid, violation.message, location);
  };
  Problem refusal = problem(violations.front());
  for (std::size_t i = 1; i < violations.size(); ++i) refusal.add(problem(violations[i]));
  throw refusal;
}

std::vector<std::string> EffectiveConfigurations::mistakes(const plugin::Manifest& manifest,
                                                           const Declaration& declaration) const {
  Json plain = declaration.configuration;
  Json required = Json::array();
  if (manifest.configurationSchema.is_object())
    required = manifest.configurationSchema.value("required", Json::array());
  // What is left empty counts as left out, as in what the plugin gets.
  for (auto at = plain.begin(); at != plain.end();) {
    const bool needed = std::find(required.begin(), required.end(), Json(at.key())) != required.end();
    at = at->is_null() || (*at == Json("") && !needed) ? plain.erase(at) : std::next(at);
  }
  addDefaults(manifest.configurationSchema, plain);
  std::set<std::string> elsewhere;
  for (const auto& [key, value] : plain.items())
    if (value.is_string() && isSecretReference(value.get_ref<const std::string&>())) elsewhere.insert(key);
  for (const auto& [field, value] : _settings.pluginFields(manifest.id))
    if (const auto key = propertyFor(manifest.configurationSchema, field); !key.empty())
      elsewhere.insert(key);
  Json known = Json::object();
  if (manifest.configurationSchema.is_object())
    known = manifest.configurationSchema.value("properties", Json::object());
  std::vector<std::string> names, found;
  for (const auto& [name, property] : known.items()) names.push_back(name);
  for (const auto& violation : plugin::validate(manifest.configurationSchema, plain)) {
    const auto& location = violation.location;
    if (!location.empty() && elsewhere.contains(location.front())) continue;
    Json::json_pointer place;
    for (const auto& part : location) place /= part;
    const bool absent = !plain.contains(place);
    if (absent && !declaration.enabled) continue;  // nobody needs it yet
    // Of what is missing, the line of what it is missing from.
    std::optional<int> line;
    for (auto at = place; !line; at.pop_back()) {
      line = _settings.yamlLine(declaration.pointer + "/configuration" + at.to_string());
      if (at.empty()) break;
    }
    if (!line) line = _settings.yamlLine(declaration.pointer);
    const bool unknown = location.size() == 1 && !known.contains(location.front());
    std::string name;
    for (const auto& part : location) name += (name.empty() ? "" : ".") + part;
    found.push_back(_settings.yamlPath() + (line ? " line " + std::to_string(*line) : "") + ": plugin " +
                    manifest.id + ": " + name + (name.empty() ? "" : " ") + violation.message +
                    (unknown ? config::didYouMean(location.front(), names) : ""));
  }
  return found;
}

Json EffectiveConfigurations::show(const plugin::Manifest& manifest, const Json& stored) const {
  Json shown = masked(manifest.configurationSchema, stored);
  for (const auto& [field, value] : _settings.pluginFields(manifest.id)) {
    const auto key = propertyFor(manifest.configurationSchema, field);
    if (key.empty()) continue;
    const Json& schema = propertyOf(manifest, key);
    const std::string text(value.first.reveal());
    if (isSecretProperty(schema) || isSecretReference(text)) {
      shown[key] = maskedSecret;
      continue;
    }
    try {
      shown[key] = fromText(schema, text, key);
    } catch (const Problem&) {
      shown[key] = text;  // the state tells what is wrong with it
    }
  }
  return shown;
}

std::map<std::string, std::string> EffectiveConfigurations::origins(const plugin::Manifest& manifest) const {
  std::map<std::string, std::string> origins;
  for (const auto& [field, value] : _settings.pluginFields(manifest.id)) {
    const auto key = propertyFor(manifest.configurationSchema, field);
    if (!key.empty()) origins[key] = variableOf(manifest.id, field) + " in " + value.second.source;
  }
  return origins;
}

}  // namespace dispatch::integrations
