#pragma once

#include "config/config.hpp"

namespace dispatch::config {

/// A setting with what was given for it.
struct Settings::Entry {
  const Setting* setting = nullptr;
  std::string text;   ///< checked; of everything but secrets
  SecretText secret;  ///< as stored, then decrypted
  Origin origin{"default"};
};

/// Puts Settings together, source by source.
struct Settings::Loader {
  Settings& settings;

  void readYaml();
  void readEntries(const std::map<std::string, std::string>& commandLine);
  void followAddress();
  void placeDirectories();
};

/// Whether a secret is still what stands in .env.example, or one that the original published in its own.
bool isPlaceholder(std::string_view secret);

}  // namespace dispatch::config
