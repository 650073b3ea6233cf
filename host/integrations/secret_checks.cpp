#include "integrations/integrations.hpp"

#include "base/problem.hpp"
#include "integrations/declared.hpp"
#include "integrations/effective.hpp"
#include "integrations/rows.hpp"
#include "integrations/secret_fields.hpp"

namespace dispatch::integrations {

std::vector<PluginSecret> pluginSecrets(const plugin::Catalog& catalog, const config::Settings& settings) {
  std::vector<PluginSecret> secrets;
  for (const auto& package : catalog.list()) {
    if (!package.usable) continue;
    const auto& manifest = package.manifest;
    for (const auto& [field, value] : settings.pluginFields(manifest.id)) {
      const auto key = propertyFor(manifest.configurationSchema, field);
      if (key.empty()) continue;
      if (!isSecretProperty(propertyOf(manifest, key)) &&
          !isSecretReference(std::string(value.first.reveal())))
        continue;
      secrets.push_back({variableOf(manifest.id, field), value.second.source, value.first,
                         manifest.type == "secret-provider"});
    }
  }
  for (const auto& declaration : readDeclarations(settings)) {
    const auto installed = catalog.find(declaration.pluginId);
    if (!installed || !installed->usable) continue;
    Json configuration = declaration.configuration;
    forEachSecret(installed->manifest.configurationSchema, configuration,
                  [&](const std::string& pointer, std::string& value) {
                    if (isSecretReference(value))
                      secrets.push_back({variableOf(declaration.pluginId, pointer.substr(1)),
                                         declaration.origin, config::SecretText(value), false});
                  });
  }
  return secrets;
}

std::vector<SealedSecret> sealedSecrets(const plugin::Catalog& catalog, store::Session& session,
                                        const config::Envelope& envelope) {
  std::vector<SealedSecret> secrets;
  for (const auto& row : loadRows(session)) {
    const auto installed = catalog.find(row.pluginId);
    if (!installed || !installed->usable) continue;  // which of its fields are secret is not known
    Json configuration = row.configuration;
    forEachSecret(installed->manifest.configurationSchema, configuration,
                  [&](const std::string& pointer, std::string& value) {
                    if (!config::Envelope::isSealed(value)) return;
                    SealedSecret secret{row.pluginId + " " + pointer.substr(1) + " in project " +
                                            row.organization + "/" + row.project,
                                        ""};
                    try {
                      envelope.open(value, {"plugin_instance", row.id, pointer});
                    } catch (const Problem& problem) {
                      secret.reason = problem.what();
                    }
                    secrets.push_back(std::move(secret));
                  });
  }
  return secrets;
}

}  // namespace dispatch::integrations
