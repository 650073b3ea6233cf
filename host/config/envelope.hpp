#pragma once

#include "config/secret_text.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dispatch::config {

/// What a sealed value belongs to. It is authenticated with the value: one that was moved to another row or
/// field, or swapped for an older key's, does not open.
struct SealedPlace {
  std::string_view table;
  std::int64_t row = 0;
  std::string_view field;  ///< JSON pointer inside the row's document: "/password"
};

/// Secrets of plugin configurations at rest: XChaCha20-Poly1305 per value under a key derived (BLAKE2b) from
/// DISPATCH_ENCRYPTION_KEY. Text form: `enc:v1:<key id>:<base64 of nonce and ciphertext>`. [any-thread]
class Envelope {
 public:
  /// Throws Problem(invalid) for a key of fewer than 32 bytes.
  explicit Envelope(const SecretText& key);

  std::string seal(std::string_view plain, const SealedPlace& place) const;
  /// Throws Problem(invalid): sealed with another key (both key ids are named, never a value), damaged, or
  /// moved.
  SecretText open(std::string_view sealed, const SealedPlace& place) const;

  static bool isSealed(std::string_view text) { return text.starts_with("enc:v1:"); }
  /// Names the key without telling it: 16 hex digits.
  const std::string& keyId() const noexcept { return _keyId; }

 private:
  SecretText _key;
  std::string _keyId;
};

}  // namespace dispatch::config
