#pragma once

#include "config/config.hpp"
#include "plugin/plugin.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace dispatch::cli {

/// Turns stored secrets into what they mean, through secret-provider plugins:
///   ENC[provider,ciphertext]          that provider decrypts
///   secret://provider/reference       that provider fetches
///   anything else                     as it stands, or through SECRET_PROVIDER where one is set
/// Providers are made when first needed and kept. [any-thread]
class SecretResolver {
 public:
  /// Both outlive this object. The catalog must hold the secret providers; it may be asked for only when one
  /// is needed.
  SecretResolver(const config::Settings& settings, std::function<plugin::Catalog&()> catalog);
  ~SecretResolver();

  /// Throws Problem naming setting, provider, reason and remedy, never the value.
  config::SecretText resolve(const std::string& name, const std::string& stored);
  /// What goes into the setting: ENC[provider,…]. Throws Problem where the provider cannot.
  std::string encrypt(const std::string& providerId, const std::string& name, std::string_view plaintext);

  /// SECRET_PROVIDER, or "" where settings are plain.
  std::string defaultProvider() const;

 private:
  std::shared_ptr<plugin::Instance> provider(const std::string& id, const std::string& forSetting);

  const config::Settings& _settings;
  std::function<plugin::Catalog&()> _catalog;
  std::mutex _mutex;
  std::map<std::string, std::shared_ptr<plugin::Instance>> _providers;
};

}  // namespace dispatch::cli
