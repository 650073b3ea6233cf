#pragma once

#include "config/config.hpp"
#include "integrations/declared.hpp"
#include "integrations/integrations.hpp"
#include "plugin/plugin.hpp"

#include <map>
#include <string>
#include <vector>

namespace dispatch::integrations {

/// The schema of one property; an empty one where there is none.
const Json& propertyOf(const plugin::Manifest& manifest, const std::string& name);
bool isSecretProperty(const Json& property);

/// Puts DISPATCH_PLUGIN_<ID>_<FIELD> variables over `configuration`, secrets through `resolver`. Throws
/// Problem.
void overlayVariables(const config::Settings& settings, const config::SecretResolver& resolver,
                      const plugin::Manifest& manifest, Json& configuration);

/// From what is stored to what a plugin gets: sealed values opened, references resolved, variables of the
/// environment on top. [any-thread]
class EffectiveConfigurations {
 public:
  EffectiveConfigurations(const config::Settings& settings, const config::Envelope& envelope,
                          config::SecretResolver resolver);

  /// With secrets in the clear: validate or hand on, then wipeSecrets(). `references`: secrets may be
  /// references (dispatch.yaml). Throws Problem: a value that cannot be decrypted, a variable of the wrong
  /// type or for a field that does not exist.
  Json open(const plugin::Manifest& manifest, const Json& stored, std::int64_t row, bool references) const;

  /// Of a plugin of the whole host, which has no row.
  plugin::Configuration ofHost(const plugin::Manifest& manifest) const {
    return hostConfiguration(manifest, _settings, _resolver);
  }

  /// The same, validated and split for an instance. Throws Problem(invalid) with the offending field.
  plugin::Configuration make(const plugin::Manifest& manifest, const Json& stored, std::int64_t row,
                             std::uint64_t revision, bool references) const;

  /// Throws Problem(invalid) for the first violation, with the further ones in its message; location begins
  /// with body, configuration.
  void check(const plugin::Manifest& manifest, const Json& stored, std::int64_t row, bool references) const;

  /// What is wrong in dispatch.yaml itself, each with file and line; empty: nothing. Not what a variable or
  /// a secret decides that is elsewhere: those are the state of the plugin.
  std::vector<std::string> mistakes(const plugin::Manifest& manifest, const Declaration& declaration) const;

  /// As people see it: masked, variables of the environment included.
  Json show(const plugin::Manifest& manifest, const Json& stored) const;
  std::map<std::string, std::string> origins(const plugin::Manifest& manifest) const;

  const config::Envelope& envelope() const { return _envelope; }

 private:
  const config::Settings& _settings;
  const config::Envelope& _envelope;
  config::SecretResolver _resolver;
};

}  // namespace dispatch::integrations
