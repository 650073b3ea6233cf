#pragma once

#include <dispatch/sdk/plugin.hpp>

namespace dispatch {

/// Turns what stands in a setting into the secret it means. Write
///   void decrypt(const Call&, std::string_view name, std::string_view stored, const SecretSink&)
///   std::string encrypt(const Call&, std::string_view name, std::string_view plaintext)             optional
class SecretProvider : public Plugin {
 public:
  using Plugin::Plugin;
  using IsSecretProvider = void;

 protected:
  ~SecretProvider() = default;
};

}  // namespace dispatch
