// minisign's file formats (https://jedisct1.github.io/minisign/), read and written with libsodium: what
// Debian's minisign signs is accepted here, and the reverse.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dispatch::plugin::minisign {

/// Which key: 8 random bytes that key and signature share. Names a key, proves nothing.
using KeyId = std::array<unsigned char, 8>;
/// 16 upper-case hexadecimal digits.
std::string keyIdText(const KeyId& id);
/// Whether `text` is how somebody writes this id: in either case, and as minisign prints it, which leaves
/// leading zeros out.
bool namesKeyId(std::string_view text, const KeyId& id);

struct PublicKey {
  KeyId id{};
  std::array<unsigned char, 32> key{};

  std::string text() const;  ///< the one line that starts with RW
  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

/// An Ed25519 key that signs; wiped when it goes.
class SecretKey {
 public:
  SecretKey() = default;
  ~SecretKey();
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;

  PublicKey publicKey() const;
  /// The file that `minisign -G -W` would write: not encrypted, so for its owner only (mode 0600).
  std::string file() const;

  KeyId id{};
  std::array<unsigned char, 64> key{};
};

struct Signature {
  bool prehashed = true;  ///< "ED": over the BLAKE2b-512 of the message; false, "Ed": over the message itself
  KeyId keyId{};
  std::array<unsigned char, 64> signature{};
  std::string trustedComment;                       ///< signed too, by `global`
  std::array<unsigned char, 64> globalSignature{};  ///< over signature and trusted comment
};

/// A public key: the .pub file of minisign, or its second line alone. `what` names it in the refusal. Throws
/// Problem(invalid) that says what is expected and found.
PublicKey parsePublicKey(std::string_view text, const std::string& what);

/// A secret key's file. An encrypted one (minisign -G) needs its password and as much memory as it asks for,
/// 1 GiB at most. Throws Problem(invalid); no refusal repeats a part of the key.
SecretKey parseSecretKey(std::string_view text, std::string_view password, const std::string& what);

/// A .minisig file, of 8 KiB at most. Throws Problem(invalid).
Signature parseSignature(std::string_view text, const std::string& what);

/// Whether `key` made `signature` over `message`, trusted comment included. A key id that differs is a no.
bool verify(const PublicKey& key, const Signature& signature, std::string_view message);

SecretKey generate();

/// The .minisig file over `message`, pre-hashed. `trustedComment` is one line of at most 1 KiB, else Problem.
std::string sign(const SecretKey& key, std::string_view message, const std::string& trustedComment,
                 const std::string& untrustedComment = "signature from a Dispatch key");

}  // namespace dispatch::plugin::minisign
