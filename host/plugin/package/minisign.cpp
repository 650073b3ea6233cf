#include "plugin/package/minisign.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"

#include <Poco/String.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace dispatch::plugin::minisign {

namespace {

constexpr std::size_t maxFileBytes = 8192;
constexpr std::size_t maxCommentBytes = 1024;
constexpr std::string_view untrustedPrefix = "untrusted comment: ";
constexpr std::string_view trustedPrefix = "trusted comment: ";
constexpr std::string_view ed = "Ed", edPrehashed = "ED", scrypt = "Sc", blake2b = "B2";
constexpr std::uint64_t maxKdfMemory = std::uint64_t{1} << 30;      // what minisign itself asks for
constexpr std::uint64_t maxKdfOperations = std::uint64_t{1} << 25;  // the same

// The layout of a secret key: algorithms (2 bytes each of signature, key derivation, checksum), salt, limits,
// then what is encrypted: key id, secret and public key, checksum.
constexpr std::size_t saltOffset = 6, saltBytes = 32, operationsOffset = 38, memoryOffset = 46,
                      sealedOffset = 54, sealedBytes = 104, secretBytes = sealedOffset + sealedBytes;

using Bytes = std::vector<unsigned char>;

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
  throw Problem(Problem::Kind::invalid, what + ' ' + why).withType("minisign");
}

void needSodium() {
  if (::sodium_init() < 0)
    throw Problem(Problem::Kind::internal, "libsodium could not be initialised (no random source?)");
}

/// The next line of `text`, without its end, and what follows; "\r\n" counts as one end.
std::string_view takeLine(std::string_view& text) {
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

void needNothingMore(std::string_view rest, const std::string& what) {
  if (rest.find_first_not_of("\r\n") != std::string_view::npos)
    refuse(what, "goes on after its last line. Expected is the file as minisign writes it.");
}

/// Exactly `size` bytes from one line of base64.
Bytes decode(std::string_view line, std::size_t size, const std::string& what, const char* part) {
  Bytes bytes(size);
  std::size_t found = 0;
  const char* end = nullptr;
  const bool sound = ::sodium_base642bin(bytes.data(), bytes.size(), line.data(), line.size(), nullptr,
                                         &found, &end, sodium_base64_VARIANT_ORIGINAL) == 0 &&
                     end == line.data() + line.size() && found == size;
  if (!sound) {
    ::sodium_memzero(bytes.data(), bytes.size());
    refuse(what, std::string("has no ") + part + ": expected is a line of " + std::to_string(size) +
                     " bytes in base64, found are " + std::to_string(line.size()) +
                     " characters that are not that.");
  }
  return bytes;
}

std::string_view algorithmOf(const unsigned char* bytes) { return {reinterpret_cast<const char*>(bytes), 2}; }

std::uint64_t littleEndian(const unsigned char* bytes) {
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

std::string base64(const Bytes& bytes) {
  return toBase64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void append(Bytes& bytes, std::string_view text) { bytes.insert(bytes.end(), text.begin(), text.end()); }
template <std::size_t N>
void append(Bytes& bytes, const std::array<unsigned char, N>& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

/// What the signature is over.
Bytes signedBytes(bool prehashed, std::string_view message) {
  const auto* data = reinterpret_cast<const unsigned char*>(message.data());
  if (!prehashed) return {data, data + message.size()};
  Bytes hash(crypto_generichash_BYTES_MAX);
  ::crypto_generichash(hash.data(), hash.size(), data, message.size(), nullptr, 0);
  return hash;
}

Bytes globalBytes(const Signature& signature) {
  Bytes bytes;
  append(bytes, signature.signature);
  append(bytes, signature.trustedComment);
  return bytes;
}

/// Takes the password's stream off the sealed part, in place.
void unseal(Bytes& bytes, std::string_view password, const std::string& what) {
  const auto operations = littleEndian(bytes.data() + operationsOffset),
             memory = littleEndian(bytes.data() + memoryOffset);
  if (operations > maxKdfOperations || memory > maxKdfMemory)
    refuse(what, "asks for more work to open it than minisign ever does (" + std::to_string(operations) +
                     " operations, " + std::to_string(memory) + " bytes). Make another key: minisign -G");
  if (password.empty()) refuse(what, "is encrypted: its password is needed.");
  Bytes stream(sealedBytes);
  if (::crypto_pwhash_scryptsalsa208sha256(stream.data(), stream.size(), password.data(), password.size(),
                                           bytes.data() + saltOffset, operations,
                                           static_cast<std::size_t>(memory)) != 0)
    throw Problem(Problem::Kind::unavailable, what + " cannot be opened: the system does not give the " +
                                                  std::to_string(memory >> 20) +
                                                  " MiB of memory that it takes.");
  for (std::size_t i = 0; i < sealedBytes; ++i) bytes[sealedOffset + i] ^= stream[i];
  ::sodium_memzero(stream.data(), stream.size());
}

bool checksumHolds(const Bytes& bytes) {
  std::array<unsigned char, 32> sum{};
  crypto_generichash_state state;
  ::crypto_generichash_init(&state, nullptr, 0, sum.size());
  ::crypto_generichash_update(&state, bytes.data(), 2);
  ::crypto_generichash_update(&state, bytes.data() + sealedOffset, sealedBytes - sum.size());
  ::crypto_generichash_final(&state, sum.data(), sum.size());
  return ::sodium_memcmp(sum.data(), bytes.data() + secretBytes - sum.size(), sum.size()) == 0;
}

}  // namespace

std::string keyIdText(const KeyId& id) {
  std::string reversed(id.rbegin(), id.rend());
  auto hex = toHex(reversed);
  std::transform(hex.begin(), hex.end(), hex.begin(),
                 [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
  return hex;
}

bool namesKeyId(std::string_view text, const KeyId& id) {
  if (text.empty() || text.size() > 2 * id.size()) return false;
  const auto whole = std::string(2 * id.size() - text.size(), '0') + std::string(text);
  return Poco::icompare(whole, keyIdText(id)) == 0;
}

std::string PublicKey::text() const {
  Bytes bytes;
  append(bytes, ed);
  append(bytes, id);
  append(bytes, key);
  return base64(bytes);
}

SecretKey::~SecretKey() { ::sodium_memzero(key.data(), key.size()); }

SecretKey::SecretKey(SecretKey&& other) noexcept : id(other.id), key(other.key) {
  ::sodium_memzero(other.key.data(), other.key.size());
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this == &other) return *this;
  id = other.id;
  key = other.key;
  ::sodium_memzero(other.key.data(), other.key.size());
  return *this;
}

PublicKey SecretKey::publicKey() const {
  PublicKey made;
  made.id = id;
  std::copy(key.begin() + 32, key.end(),
            made.key.begin());  // Ed25519 as libsodium keeps it: seed, then public
  return made;
}

std::string SecretKey::file() const {
  Bytes bytes;
  append(bytes, ed);
  append(bytes, std::string_view("\0\0", 2));  // no key derivation
  append(bytes, blake2b);
  bytes.resize(sealedOffset);
  append(bytes, id);
  append(bytes, key);
  bytes.resize(secretBytes);
  const auto text = base64(bytes);
  ::sodium_memzero(bytes.data(), bytes.size());
  return "untrusted comment: minisign secret key " + keyIdText(id) + '\n' + text + '\n';
}

PublicKey parsePublicKey(std::string_view text, const std::string& what) {
  needSodium();
  if (text.size() > maxFileBytes) refuse(what, "is too long for a public key.");
  auto line = takeLine(text);
  if (line.starts_with("untrusted comment:")) line = takeLine(text);
  needNothingMore(text, what);
  const auto bytes = decode(line, 42, what, "public key of minisign (it starts with RW)");
  if (algorithmOf(bytes.data()) != ed)
    refuse(what, "is no Ed25519 key. Expected is a public key that minisign -G made.");
  PublicKey key;
  std::copy_n(bytes.begin() + 2, key.id.size(), key.id.begin());
  std::copy_n(bytes.begin() + 10, key.key.size(), key.key.begin());
  return key;
}

SecretKey parseSecretKey(std::string_view text, std::string_view password, const std::string& what) {
  needSodium();
  if (text.size() > maxFileBytes) refuse(what, "is too long for a secret key.");
  auto line = takeLine(text);
  if (line.starts_with("untrusted comment:")) line = takeLine(text);
  needNothingMore(text, what);
  auto bytes = decode(line, secretBytes, what, "secret key of minisign");
  struct Wipe {
    Bytes& bytes;
    ~Wipe() { ::sodium_memzero(bytes.data(), bytes.size()); }
  } const wipe{bytes};
  const bool sealed = algorithmOf(bytes.data() + 2) == scrypt;
  if (algorithmOf(bytes.data()) != ed || algorithmOf(bytes.data() + 4) != blake2b ||
      (!sealed && algorithmOf(bytes.data() + 2) != std::string_view("\0\0", 2)))
    refuse(what, "is of a kind that is not known here. Expected is a secret key that minisign -G made.");
  if (sealed) {
    unseal(bytes, password, what);
    if (!checksumHolds(bytes)) refuse(what, "does not open with this password, or it is damaged.");
  } else if (const auto sum = bytes.end() - 32; !std::all_of(sum, bytes.end(), [](unsigned char c) {
               return c == 0;
             }) && !checksumHolds(bytes)) {
    refuse(what, "is damaged: its checksum does not hold.");
  }
  SecretKey key;
  std::copy_n(bytes.begin() + sealedOffset, key.id.size(), key.id.begin());
  std::copy_n(bytes.begin() + sealedOffset + 8, key.key.size(), key.key.begin());
  return key;
}

Signature parseSignature(std::string_view text, const std::string& what) {
  if (text.size() > maxFileBytes)
    refuse(what, "has " + std::to_string(text.size()) + " bytes; a signature has " +
                     std::to_string(maxFileBytes) + " at most.");
  if (!takeLine(text).starts_with(untrustedPrefix))
    refuse(what, "does not start with \"untrusted comment: \": it is no signature of minisign.");
  const auto bytes = decode(takeLine(text), 74, what, "signature");
  Signature signature;
  if (algorithmOf(bytes.data()) == edPrehashed)
    signature.prehashed = true;
  else if (algorithmOf(bytes.data()) == ed)
    signature.prehashed = false;
  else
    refuse(what,
           "is signed by an algorithm that is not known here. Expected is Ed25519 as minisign uses it.");
  std::copy_n(bytes.begin() + 2, signature.keyId.size(), signature.keyId.begin());
  std::copy_n(bytes.begin() + 10, signature.signature.size(), signature.signature.begin());
  const auto comment = takeLine(text);
  if (!comment.starts_with(trustedPrefix))
    refuse(what, "has no line \"trusted comment: …\" after its signature.");
  signature.trustedComment = comment.substr(trustedPrefix.size());
  if (signature.trustedComment.size() > maxCommentBytes)
    refuse(what, "has a trusted comment of more than " + std::to_string(maxCommentBytes) + " bytes.");
  const auto global = decode(takeLine(text), 64, what, "signature over its trusted comment");
  std::copy(global.begin(), global.end(), signature.globalSignature.begin());
  needNothingMore(text, what);
  return signature;
}

bool verify(const PublicKey& key, const Signature& signature, std::string_view message) {
  if (key.id != signature.keyId) return false;
  const auto over = signedBytes(signature.prehashed, message), global = globalBytes(signature);
  return ::crypto_sign_verify_detached(signature.signature.data(), over.data(), over.size(),
                                       key.key.data()) == 0 &&
         ::crypto_sign_verify_detached(signature.globalSignature.data(), global.data(), global.size(),
                                       key.key.data()) == 0;
}

SecretKey generate() {
  needSodium();
  SecretKey made;
  std::array<unsigned char, 32> publicPart{};
  ::crypto_sign_keypair(publicPart.data(), made.key.data());
  ::randombytes_buf(made.id.data(), made.id.size());
  return made;
}

std::string sign(const SecretKey& key, std::string_view message, const std::string& trustedComment,
                 const std::string& untrustedComment) {
  for (const auto& comment : {trustedComment, untrustedComment})
    if (comment.size() > maxCommentBytes || comment.find_first_of("\r\n") != std::string::npos)
      refuse("The comment of a signature",
             "must be one line of " + std::to_string(maxCommentBytes) + " bytes at most.");
  needSodium();
  Signature made;
  made.keyId = key.id;
  made.trustedComment = trustedComment;
  const auto over = signedBytes(true, message);
  ::crypto_sign_detached(made.signature.data(), nullptr, over.data(), over.size(), key.key.data());
  const auto global = globalBytes(made);
  ::crypto_sign_detached(made.globalSignature.data(), nullptr, global.data(), global.size(), key.key.data());
  Bytes first, second;
  append(first, edPrehashed);
  append(first, made.keyId);
  append(first, made.signature);
  append(second, made.globalSignature);
  std::string text(untrustedPrefix);
  text += untrustedComment + '\n' + base64(first) + '\n';
  text += std::string(trustedPrefix) + trustedComment + '\n' + base64(second) + '\n';
  return text;
}

}  // namespace dispatch::plugin::minisign
