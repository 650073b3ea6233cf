#include "integrations/declared.hpp"

#include "base/problem.hpp"

#include <algorithm>

namespace dispatch::integrations {

namespace {

std::string need(const Json& entry, const char* key, const std::string& where, const std::string& fallback) {
  const auto found = entry.find(key);
  if (found == entry.end() || found->is_null()) return fallback;
  if (!found->is_string())
    throw Problem(Problem::Kind::invalid, where + ": " + key + " must be text, found " + found->dump());
  return found->get<std::string>();
}

}  // namespace

bool isSecretReference(const std::string& text) {
  return text.starts_with("secret://") || (text.starts_with("ENC[") && text.ends_with("]"));
}

std::vector<Declaration> readDeclarations(const config::Settings& settings) {
  const Json& yaml = settings.yaml();
  std::vector<Declaration> declarations;
  if (!yaml.is_object() || !yaml.contains("plugins") || yaml["plugins"].is_null()) return declarations;
  const std::string file = settings.yamlPath();
  const Json& entries = yaml["plugins"];
  if (!entries.is_array())
    throw Problem(
        Problem::Kind::invalid,
        file + ": plugins must be a list of {plugin, organization, project, enabled, configuration}");
  const std::vector<std::string> known{"plugin", "organization", "project", "enabled", "configuration"};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Json& entry = entries[i];
    const std::string pointer = "/plugins/" + std::to_string(i);
    const auto number = settings.yamlLine(pointer);
    const std::string line = number ? "line " + std::to_string(*number) : pointer;
    const std::string where = file + " " + line;
    if (!entry.is_object())
      throw Problem(Problem::Kind::invalid, where + ": an entry of plugins must have the key plugin");
    for (const auto& [key, value] : entry.items())
      if (std::find(known.begin(), known.end(), key) == known.end())
        throw Problem(Problem::Kind::invalid,
                      where + ": unknown key \"" + key + "\"" + config::didYouMean(key, known) +
                          "; known are plugin, organization, project, enabled, configuration");
    Declaration declaration;
    declaration.pluginId = need(entry, "plugin", where, "");
    if (declaration.pluginId.empty())
      throw Problem(Problem::Kind::invalid,
                    where + ": the key plugin is missing; it takes an id of `dispatch plugins list`");
    declaration.organization = need(entry, "organization", where, "default");
    declaration.project = need(entry, "project", where, "default");
    if (const auto enabled = entry.find("enabled"); enabled != entry.end()) {
      if (!enabled->is_boolean())
        throw Problem(Problem::Kind::invalid,
                      where + ": enabled must be true or false, found " + enabled->dump());
      declaration.enabled = enabled->get<bool>();
    }
    if (const auto configuration = entry.find("configuration");
        configuration != entry.end() && !configuration->is_null()) {
      if (!configuration->is_object())
        throw Problem(Problem::Kind::invalid,
                      where + ": configuration must be a mapping of settings to values");
      declaration.configuration = *configuration;
    }
    declaration.origin = "dispatch.yaml " + line;
    declaration.pointer = pointer;
    declarations.push_back(std::move(declaration));
  }
  return declarations;
}

}  // namespace dispatch::integrations
