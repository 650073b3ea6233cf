#include "scram.hpp"

#include <string.h>  // explicit_bzero

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace xmpp {

using dispatch::Call;
using dispatch::Crypto;
using dispatch::Failure;

namespace {

void wipe(std::string& text) { ::explicit_bzero(text.data(), text.size()); }

/// HMAC (RFC 2104) with a key that is no secret of the host. Both hashes have blocks of 64 bytes.
std::string hmac(const Call& call, const Crypto& crypto, const std::string& hash, std::string_view key,
                 std::string_view data) {
  constexpr std::size_t block = 64;
  std::string inner(block, '\x36'), outer(block, '\x5C');
  for (std::size_t i = 0; i < key.size() && i < block; ++i) {
    inner[i] = static_cast<char>(inner[i] ^ key[i]);
    outer[i] = static_cast<char>(outer[i] ^ key[i]);
  }
  inner += data;
  outer += crypto.hash(call, hash, inner);
  std::string out = crypto.hash(call, hash, outer);
  wipe(inner);
  wipe(outer);
  return out;
}

void xorInto(std::string& into, std::string_view other) {
  for (std::size_t i = 0; i < into.size() && i < other.size(); ++i)
    into[i] = static_cast<char>(into[i] ^ other[i]);
}

/// The value of attribute `name` in a message "r=…,s=…,i=…"; nothing where it is not there.
std::optional<std::string_view> attributeOf(std::string_view message, char name) {
  while (!message.empty()) {
    const auto comma = message.find(',');
    const std::string_view one = message.substr(0, comma);
    if (one.size() >= 2 && one[0] == name && one[1] == '=') return one.substr(2);
    message = comma == std::string_view::npos ? std::string_view() : message.substr(comma + 1);
  }
  return std::nullopt;
}

[[noreturn]] void wrong(const std::string& what) {
  throw Failure::denied("The server's SCRAM challenge " + what + ".");
}

}  // namespace

ScramKeys::~ScramKeys() {
  wipe(client);
  wipe(server);
}

ScramKeys ScramCache::keys(const Call& call, const Crypto& crypto, dispatch::Secret password,
                           const std::string& hash, const std::string& salt, std::uint32_t iterations) {
  constexpr std::size_t most = 8;
  const std::string name = hash + " " + std::to_string(iterations) + " " + salt;
  {
    const std::lock_guard lock(_mutex);
    if (const auto found = _keys.find(name); found != _keys.end()) return found->second;
  }
  const std::string mac = "hmac-" + hash;
  std::string block = crypto.mac(call, mac, password, salt + std::string("\0\0\0\1", 4));
  std::string salted = block;
  for (std::uint32_t i = 1; i < iterations; ++i) {
    if (i % 512 == 0) call.throwIfCancelled();
    block = crypto.mac(call, mac, password, block);
    xorInto(salted, block);
  }
  ScramKeys made;
  made.client = hmac(call, crypto, hash, salted, "Client Key");
  made.server = hmac(call, crypto, hash, salted, "Server Key");
  wipe(block);
  wipe(salted);
  const std::lock_guard lock(_mutex);
  if (_keys.size() >= most) _keys.clear();
  return _keys[name] = made;
}

void ScramCache::forget() {
  const std::lock_guard lock(_mutex);
  _keys.clear();
}

Scram::Scram(const Call& call, Crypto crypto, ScramCache& cache, dispatch::Secret password, std::string hash,
             std::string_view user, std::string nonce)
    : _call(call),
      _crypto(crypto),
      _cache(cache),
      _password(password),
      _hash(std::move(hash)),
      _bare("n="),
      _nonce(std::move(nonce)) {
  for (const char c : user) {
    if (c == ',')
      _bare += "=2C";
    else if (c == '=')
      _bare += "=3D";
    else
      _bare += c;
  }
  _bare += ",r=" + _nonce;
}

std::string Scram::first() const { return "n,," + _bare; }

std::string Scram::proof(std::string_view challenge) {
  if (attributeOf(challenge, 'm')) wrong("demands an extension (m=) that this plugin does not know");
  const auto nonce = attributeOf(challenge, 'r'), salt64 = attributeOf(challenge, 's'),
             count = attributeOf(challenge, 'i');
  if (!nonce || !salt64 || !count) wrong("lacks nonce, salt or iterations");
  if (!nonce->starts_with(_nonce) || nonce->size() == _nonce.size())
    wrong("does not continue our nonce; somebody may be tampering");
  const auto salt = dispatch::base64Decode(*salt64);
  std::uint32_t iterations = 0;
  const auto parsed = std::from_chars(count->data(), count->data() + count->size(), iterations);
  if (!salt || salt->empty() || salt->size() > 1024) wrong("has no salt in base64");
  if (parsed.ec != std::errc() || parsed.ptr != count->data() + count->size() || iterations < minIterations ||
      iterations > maxIterations)
    wrong("asks for " + dispatch::quoteLine(*count, 20) + " iterations, and this plugin does " +
          std::to_string(minIterations) + " to " + std::to_string(maxIterations) +
          ". Change the server's setting, or set \"auth\" to plain");

  ScramKeys keys = _cache.keys(_call, _crypto, _password, _hash, *salt, iterations);
  const std::string withoutProof = "c=biws,r=" + std::string(*nonce);
  const std::string message = _bare + "," + std::string(challenge) + "," + withoutProof;
  const std::string stored = _crypto.hash(_call, _hash, keys.client);
  std::string proof = keys.client;
  xorInto(proof, hmac(_call, _crypto, _hash, stored, message));
  _signature = hmac(_call, _crypto, _hash, keys.server, message);
  return withoutProof + ",p=" + dispatch::base64Encode(proof);
}

bool Scram::verifies(std::string_view final) const {
  const auto signature = attributeOf(final, 'v');
  return signature && !_signature.empty() && *signature == dispatch::base64Encode(_signature);
}

}  // namespace xmpp
