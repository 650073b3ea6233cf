#pragma once

#include "base/json.hpp"
#include "config/config.hpp"

#include <string>
#include <vector>

namespace dispatch::integrations {

/// A plugin that dispatch.yaml declares for a project:
///
///   plugins:
///     - plugin: smtp-email
///       organization: default     # slug
///       project: default          # name
///       enabled: true
///       configuration: {host: mail.example.com, password: "ENC[sodium,…]"}
struct Declaration {
  std::string pluginId, organization, project;
  bool enabled = true;
  Json configuration = Json::object();
  std::string origin;   ///< "dispatch.yaml line 12"
  std::string pointer;  ///< of the entry in Settings::yaml(): "/plugins/0"
};

/// Throws Problem(invalid) with file and line: not a list, an unknown key, a wrong type, no `plugin`.
std::vector<Declaration> readDeclarations(const config::Settings& settings);

/// Whether a text is not the secret but says where it is: ENC[provider,…] or secret://provider/….
bool isSecretReference(const std::string& text);

}  // namespace dispatch::integrations
