#include "config/envelope.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"

#include <sodium.h>

namespace dispatch::config {

namespace {

constexpr std::string_view mark = "enc:v1:";
constexpr std::size_t shortestKey = 32;
constexpr std::size_t nonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// BLAKE2b with a personalisation per purpose (16 bytes), so that the key id tells nothing of the key.
void derive(std::string_view key, const char (&purpose)[17], unsigned char* out, std::size_t size) {
  crypto_generichash_blake2b_salt_personal(out, size, bytes(key), key.size(), nullptr, 0, nullptr,
                                           reinterpret_cast<const unsigned char*>(purpose));
}

std::string associated(const SealedPlace& place, std::string_view keyId) {
  std::string text(place.table);
  text += '|';
  text += std::to_string(place.row);
  text += '|';
  text += place.field;
  text += '|';
  text += keyId;
  return text;
}

std::string where(const SealedPlace& place) {
  return "The secret " + std::string(place.field) + " of " + std::string(place.table) + " " +
         std::to_string(place.row);
}

}  // namespace

Envelope::Envelope(const SecretText& key) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium could not be initialised (no random source?)");
  if (key.size() < shortestKey)
    throw Problem(Problem::Kind::invalid,
                  "DISPATCH_ENCRYPTION_KEY must have at least 32 characters, found " +
                      std::to_string(key.size()) + ". Make one with: dispatch secret generate",
                  {"DISPATCH_ENCRYPTION_KEY"});
  _key = SecretText::ofSize(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  derive(key.reveal(), "dispatch.at-rest", _key.data(), _key.size());
  unsigned char id[crypto_generichash_blake2b_BYTES_MIN];
  derive(key.reveal(), "dispatch.key-nam", id, sizeof id);
  _keyId = toHex({reinterpret_cast<const char*>(id), 8});
}

std::string Envelope::seal(std::string_view plain, const SealedPlace& place) const {
  const std::string data = associated(place, _keyId);
  std::string sealed(nonceBytes + plain.size() + tagBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(sealed.data());
  randombytes_buf(out, nonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out + nonceBytes, nullptr, bytes(plain), plain.size(),
                                             bytes(data), data.size(), nullptr, out, bytes(_key.reveal()));
  return std::string(mark) + _keyId + ":" + toBase64(sealed);
}

SecretText Envelope::open(std::string_view sealed, const SealedPlace& place) const {
  if (!isSealed(sealed))
    throw Problem(Problem::Kind::invalid, where(place) + " is not in the sealed form enc:v1:…");
  const auto rest = sealed.substr(mark.size());
  const auto colon = rest.find(':');
  const auto keyId = rest.substr(0, colon);
  if (colon == std::string_view::npos)
    throw Problem(Problem::Kind::invalid,
                  where(place) + " is damaged: its key id is missing. Enter the value again");
  if (keyId != _keyId)
    throw Problem(Problem::Kind::invalid, where(place) + " was sealed with key " +
                                              std::string(keyId.substr(0, 16)) +
                                              ", but DISPATCH_ENCRYPTION_KEY is key " + _keyId +
                                              ". Put the former key back, or enter the value again");
  const auto text = rest.substr(colon + 1);
  std::string raw(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(raw.data()), raw.size(), text.data(), text.size(),
                        nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size < nonceBytes + tagBytes)
    throw Problem(Problem::Kind::invalid,
                  where(place) + " is damaged: it is not complete. Enter the value again");
  auto plain = SecretText::ofSize(size - nonceBytes - tagBytes);
  unsigned char none = 0;  // an empty secret has no buffer of its own
  const std::string data = associated(place, _keyId);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain.empty() ? &none : plain.data(), nullptr, nullptr,
                                                 bytes(raw) + nonceBytes, size - nonceBytes, bytes(data),
                                                 data.size(), bytes(raw), bytes(_key.reveal())) != 0)
    throw Problem(Problem::Kind::invalid, where(place) + " does not open with key " + _keyId +
                                              ": it was changed, or moved from another place. Enter "
                                              "the value again");
  return plain;
}

}  // namespace dispatch::config
