#include "integrations/stray_variables.hpp"

#include "integrations/effective.hpp"
#include "integrations/secret_fields.hpp"

#include <map>
#include <set>

namespace dispatch::integrations {

namespace {

struct Stray {
  std::string source;
  plugin::Manifest manifest;  ///< of the plugin with the longest id that fits
};

std::vector<std::string> variablesOf(const plugin::Manifest& manifest) {
  std::vector<std::string> names;
  const Json& schema = manifest.configurationSchema;
  if (schema.is_object() && schema.contains("properties"))
    for (const auto& [name, property] : schema["properties"].items())
      names.push_back(variableOf(manifest.id, name));
  return names;
}

}  // namespace

std::vector<std::string> strayVariables(const plugin::Catalog& catalog, const config::Settings& settings) {
  std::map<std::string, Stray> strays;
  std::set<std::string> taken;
  for (const auto& package : catalog.list()) {
    if (package.notUsed) continue;
    for (const auto& [field, value] : settings.pluginFields(package.id)) {
      const auto name = variableOf(package.id, field);
      if (!package.usable || !propertyFor(package.manifest.configurationSchema, field).empty()) {
        taken.insert(name);
        continue;
      }
      auto& stray = strays[name];
      if (package.id.size() < stray.manifest.id.size()) continue;
      stray = {value.second.source, package.manifest};
    }
  }
  std::vector<std::string> warnings;
  for (const auto& [name, stray] : strays)
    if (!taken.contains(name))
      warnings.push_back(name + " (" + stray.source + ") names no setting of the plugin " +
                         stray.manifest.id + config::didYouMean(name, variablesOf(stray.manifest)));
  return warnings;
}

}  // namespace dispatch::integrations
