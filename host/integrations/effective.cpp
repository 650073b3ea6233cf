#include "integrations/effective.hpp"

#include "base/base.hpp"

#include "integrations/declared.hpp"
#include "integrations/secret_fields.hpp"

#include <Poco/Logger.h>
#include <sodium.h>

#include <cctype>

namespace dispatch::integrations {

namespace {

std::string variable(const std::string& pluginId, const std::string& field) {
  std::string name = "DISPATCH_PLUGIN_";
  for (const char c : pluginId + "_" + field) {
    const auto byte = static_cast<unsigned char>(c);
    name += std::isalnum(byte) ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return name;
}

/// The schema of one property; an empty one where there is none.
const Json& property(const plugin::Manifest& manifest, const std::string& name) {
  static const Json none = Json::object();
  const Json& schema = manifest.configurationSchema;
  if (!schema.is_object() || !schema.contains("properties") || !schema["properties"].contains(name))
    return none;
  return schema["properties"][name];
}

bool isSecret(const Json& property) {
  return property.is_object() && property.value("x-dispatch-secret", false);
}

}  // namespace

EffectiveConfigurations::EffectiveConfigurations(const config::Settings& settings,
                                                 const config::Envelope& envelope,
                                                 config::SecretResolver resolver)
    : _settings(settings), _envelope(envelope), _resolver(std::move(resolver)) {}

void overlayVariables(const config::Settings& settings, const config::SecretResolver& resolver,
                      const plugin::Manifest& manifest, Json& configuration) {
  for (const auto& [field, stored] : settings.pluginFields(manifest.id)) {
    const auto key = propertyFor(manifest.configurationSchema, field);
    const auto name = variable(manifest.id, field);
    if (key.empty()) {
      // Of a plugin whose id begins with this one's, or misspelt.
      Poco::Logger::get("dispatch.integrations")
          .debug("%s (%s) names no setting of the plugin %s", name, stored.second.source, manifest.id);
      continue;
    }
    const Json& schema = property(manifest, key);
    const std::string text(stored.first.reveal());
    if (isSecret(schema) || isSecretReference(text)) {
      std::string clear(resolver(name, text).reveal());
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
        value = std::string(_resolver(variable(manifest.id, pointer.substr(1)), value).reveal());
    });
  }
  openSecrets(schema, configuration, _envelope, row);
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
    if (value.is_string() && value.get_ref<const std::string&>().empty() && isSecret(property(manifest, key)))
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

Json EffectiveConfigurations::show(const plugin::Manifest& manifest, const Json& stored) const {
  Json shown = masked(manifest.configurationSchema, stored);
  for (const auto& [field, value] : _settings.pluginFields(manifest.id)) {
    const auto key = propertyFor(manifest.configurationSchema, field);
    if (key.empty()) continue;
    const Json& schema = property(manifest, key);
    const std::string text(value.first.reveal());
    if (isSecret(schema) || isSecretReference(text)) {
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
    if (!key.empty()) origins[key] = variable(manifest.id, field) + " in " + value.second.source;
  }
  return origins;
}

}  // namespace dispatch::integrations
