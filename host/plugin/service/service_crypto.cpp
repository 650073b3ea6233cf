#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <array>

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxRandomBytes = 1u << 20;

[[noreturn]] void unsupported(std::string_view algorithm, const char* known) {
  throw ServiceRefusal(DISPATCH_ERR_UNSUPPORTED, "this host does not know the algorithm \"" +
                                                     oneLine(algorithm, 40) + "\"; it has " + known);
}

void ready() {
  if (sodium_init() < 0) throw ServiceRefusal(DISPATCH_ERR_INTERNAL, "libsodium could not be initialised");
}

const unsigned char* bytesOf(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

dispatch_status random(const dispatch_host*, std::uint8_t* buffer, std::uint64_t size) noexcept {
  if (size == 0) return DISPATCH_OK;
  if (buffer == nullptr) return DISPATCH_ERR_INVALID;
  if (size > maxRandomBytes) return DISPATCH_ERR_LIMIT;
  if (sodium_init() < 0) return DISPATCH_ERR_INTERNAL;
  randombytes_buf(buffer, size);
  return DISPATCH_OK;
}

std::string hashOf(std::string_view algorithm, std::string_view data) {
  if (algorithm == "blake2b-256") {
    ready();
    std::string out(32, '\0');
    crypto_generichash(reinterpret_cast<unsigned char*>(out.data()), out.size(), bytesOf(data), data.size(),
                       nullptr, 0);
    return out;
  }
  const EVP_MD* digest = algorithm == "sha256"   ? EVP_sha256()
                         : algorithm == "sha512" ? EVP_sha512()
                         : algorithm == "sha1"   ? EVP_sha1()
                                                 : nullptr;
  if (digest == nullptr) unsupported(algorithm, "sha256, sha512, sha1 and blake2b-256");
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (EVP_Digest(data.data(), data.size(), out.data(), &size, digest, nullptr) != 1)
    throw ServiceRefusal(DISPATCH_ERR_UNSUPPORTED,
                         std::string(algorithm) + " is switched off in this host's OpenSSL");
  return std::string(reinterpret_cast<const char*>(out.data()), size);
}

std::string macOf(const ServiceContext& context, std::string_view algorithm, dispatch_secret_handle handle,
                  std::string_view prefix, std::string_view data) {
  const EVP_MD* digest = algorithm == "hmac-sha256"   ? EVP_sha256()
                         : algorithm == "hmac-sha512" ? EVP_sha512()
                         : algorithm == "hmac-sha1"   ? EVP_sha1()
                                                      : nullptr;
  if (digest == nullptr) unsupported(algorithm, "hmac-sha256, hmac-sha512 and hmac-sha1");
  WipedText key(prefix);
  key.append(context.secrets().at(handle).reveal());
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (HMAC(digest, key.view().data(), static_cast<int>(key.size()), bytesOf(data), data.size(), out.data(),
           &size) == nullptr)
    throw ServiceRefusal(DISPATCH_ERR_UNSUPPORTED,
                         std::string(algorithm) + " is switched off in this host's OpenSSL");
  return std::string(reinterpret_cast<const char*>(out.data()), size);
}

dispatch_status hash(const dispatch_host*, const dispatch_call* call, dispatch_str algorithm,
                     dispatch_str data, dispatch_str* out) noexcept {
  return guarded(call, [&] {
    auto& hostCall = checkedCall(call);
    if (out == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, "there is no place for the hash");
    *out =
        answerText(hostCall, hashOf(checkedText(algorithm, "the algorithm"), checkedText(data, "the data")));
    return DISPATCH_OK;
  });
}

dispatch_status mac(const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                    dispatch_secret_handle key, dispatch_str prefix, dispatch_str data,
                    dispatch_str* out) noexcept {
  return guarded(call, [&] {
    auto& hostCall = checkedCall(call);
    if (out == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, "there is no place for the code");
    *out =
        answerText(hostCall, macOf(ServiceContext::of(host), checkedText(algorithm, "the algorithm"), key,
                                   checkedText(prefix, "the key's prefix"), checkedText(data, "the data")));
    return DISPATCH_OK;
  });
}

dispatch_status macVerify(const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                          dispatch_secret_handle key, dispatch_str prefix, dispatch_str data,
                          dispatch_str expected) noexcept {
  return guarded(call, [&] {
    checkedCall(call);
    const auto code = macOf(ServiceContext::of(host), checkedText(algorithm, "the algorithm"), key,
                            checkedText(prefix, "the key's prefix"), checkedText(data, "the data"));
    const auto given = checkedText(expected, "the code");
    if (given.size() != code.size() || sodium_memcmp(given.data(), code.data(), code.size()) != 0)
      throw ServiceRefusal(DISPATCH_ERR_DENIED, "the message authentication code is another one");
    return DISPATCH_OK;
  });
}

dispatch_status secretVerify(const dispatch_host* host, const dispatch_call* call,
                             dispatch_secret_handle secret, dispatch_str prefix,
                             dispatch_str given) noexcept {
  return guarded(call, [&] {
    checkedCall(call);
    ready();
    const auto secretText = ServiceContext::of(host).secrets().at(secret);
    WipedText expected(checkedText(prefix, "the prefix"));
    expected.append(secretText.reveal());
    const auto text = checkedText(given, "what is compared with the secret");
    // Digests first: then not even the length shows in how long it takes.
    unsigned char right[crypto_generichash_BYTES], found[crypto_generichash_BYTES];
    crypto_generichash(right, sizeof right, bytesOf(expected.view()), expected.size(), nullptr, 0);
    crypto_generichash(found, sizeof found, bytesOf(text), text.size(), nullptr, 0);
    const bool equal = sodium_memcmp(right, found, sizeof right) == 0;
    sodium_memzero(right, sizeof right);
    if (secretText.empty() || !equal) throw ServiceRefusal(DISPATCH_ERR_DENIED, "the secret is another one");
    return DISPATCH_OK;
  });
}

/// A key pair from the base64 of its secret half; wiped when it goes.
struct BoxKeys {
  std::array<unsigned char, crypto_box_SECRETKEYBYTES> secret{};
  std::array<unsigned char, crypto_box_PUBLICKEYBYTES> open{};

  explicit BoxKeys(const config::SecretText& base64) {
    ready();
    std::size_t size = 0;
    const auto text = base64.reveal();
    const char* end = nullptr;
    if (sodium_base642bin(secret.data(), secret.size(), text.data(), text.size(), " \r\n", &size, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text.data() + text.size() || size != secret.size() ||
        crypto_scalarmult_base(open.data(), secret.data()) != 0) {
      sodium_memzero(secret.data(), secret.size());
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "the key is not the base64 of a 32-byte X25519 secret key");
    }
  }
  ~BoxKeys() { sodium_memzero(secret.data(), secret.size()); }
  BoxKeys(const BoxKeys&) = delete;
  BoxKeys& operator=(const BoxKeys&) = delete;
};

void checkEnvelope(std::string_view algorithm) {
  if (algorithm != "sealed-box") unsupported(algorithm, "sealed-box");
}

dispatch_status seal(const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                     dispatch_secret_handle key, dispatch_str plaintext, dispatch_str* out) noexcept {
  return guarded(call, [&] {
    auto& hostCall = checkedCall(call);
    if (out == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, "there is no place for the envelope");
    checkEnvelope(checkedText(algorithm, "the algorithm"));
    const BoxKeys keys(ServiceContext::of(host).secrets().at(key));
    const auto plain = checkedText(plaintext, "the plaintext");
    std::string sealed(plain.size() + crypto_box_SEALBYTES, '\0');
    if (crypto_box_seal(reinterpret_cast<unsigned char*>(sealed.data()), bytesOf(plain), plain.size(),
                        keys.open.data()) != 0)
      throw ServiceRefusal(DISPATCH_ERR_INTERNAL, "libsodium could not seal");
    *out = answerText(hostCall, sealed);
    return DISPATCH_OK;
  });
}

dispatch_status open(const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                     dispatch_secret_handle key, dispatch_str ciphertext, dispatch_str boundPrefix,
                     const dispatch_secret_sink* sink) noexcept {
  return guarded(call, [&] {
    auto& hostCall = checkedCall(call);
    checkEnvelope(checkedText(algorithm, "the algorithm"));
    // Only into the host's own locked memory: a sink of the plugin's making would be a way to read the
    // secret.
    if (sink != hostCall.sink())
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "the sink is not the one that this call came with");
    const BoxKeys keys(ServiceContext::of(host).secrets().at(key));
    const auto sealed = checkedText(ciphertext, "the ciphertext");
    if (sealed.size() < crypto_box_SEALBYTES)
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "the ciphertext is too short to be a sealed box");
    WipedText plain;
    plain.resize(sealed.size() - crypto_box_SEALBYTES);
    if (crypto_box_seal_open(reinterpret_cast<unsigned char*>(plain.data()), bytesOf(sealed), sealed.size(),
                             keys.open.data(), keys.secret.data()) != 0)
      throw ServiceRefusal(DISPATCH_ERR_DENIED, "the ciphertext was made for another key, or was changed");
    const auto prefix = checkedText(boundPrefix, "the bound prefix");
    if (!plain.view().starts_with(prefix))
      throw ServiceRefusal(DISPATCH_ERR_DENIED, "the ciphertext was made for another name");
    const auto value = plain.view().substr(prefix.size());
    if (value.empty()) throw ServiceRefusal(DISPATCH_ERR_INVALID, "the ciphertext holds an empty value");
    auto* target = sink->buffer(sink, value.size());
    if (target == nullptr)
      throw ServiceRefusal(DISPATCH_ERR_LIMIT, "a secret may have 64 KiB, and a call gives one secret");
    std::copy(value.begin(), value.end(), reinterpret_cast<char*>(target));
    return DISPATCH_OK;
  });
}

}  // namespace

const void* cryptoService() noexcept {
  static constexpr dispatch_crypto_1 table{
      sizeof(dispatch_crypto_1), 0, random, hash, mac, macVerify, seal, open, secretVerify};
  return &table;
}

}  // namespace dispatch::plugin
