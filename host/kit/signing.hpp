#pragma once

#include "kit/bench.hpp"

#include <optional>
#include <string>

namespace dispatch::kit {

/// $XDG_CONFIG_HOME/dispatch/plugin-dev.key, else ~/.config/dispatch/plugin-dev.key: the key of an author's
/// own machine.
std::string developmentKeyPath();
/// What lies there; nothing where there is none, or where it has a password.
std::optional<plugin::minisign::SecretKey> developmentKey();

/// A new key without a password: FILE for its owner only (0600), and its public half in a file that ends in
/// .pub beside it. Throws Problem(conflict) where one is there. Answers {"key", "public_key",
/// "public_key_file", "key_id"}.
Json generateKey(const std::string& file);
/// The same at developmentKeyPath(), whose directory is made.
Json generateOwnKey();

struct SignOptions {
  std::string keyFile;  ///< ""= the development key, made where there is none
  std::string password;
};

/// Signs the package in `directory` once its other checks passed: writes plugin.json.minisig. Answers {"id",
/// "version", "signature", "key", "public_key", "made" (whether the key is new), "trust" (the command for an
/// operator)}. Throws Problem; then nothing is written.
Json signPackage(const Equipment& equipment, const std::string& directory, const SignOptions& options);

}  // namespace dispatch::kit
