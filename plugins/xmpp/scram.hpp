#pragma once

#include <dispatch/sdk/secret.hpp>
#include <dispatch/sdk/services.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace xmpp {

/// What RFC 5802 section 3 lets a client keep instead of the password: good for one account with one salt and
/// one number of iterations. Wiped when it goes.
struct ScramKeys {
  std::string client, server;  ///< ClientKey, ServerKey
  ScramKeys() = default;
  ScramKeys(const ScramKeys&) = default;
  ScramKeys& operator=(const ScramKeys&) = default;
  ~ScramKeys();
};

/// Keys that were computed once, so that each login does not cost thousands of MACs. [any-thread]
class ScramCache {
 public:
  /// Of one instance, whose account and password do not change.
  ScramKeys keys(const dispatch::Call& call, const dispatch::Crypto& crypto, dispatch::Secret password,
                 const std::string& hash, const std::string& salt, std::uint32_t iterations);
  void forget();

 private:
  std::mutex _mutex;
  std::map<std::string, ScramKeys> _keys;
};

/// One login by SCRAM without channel binding (RFC 5802, RFC 7677). The password stays in the host: PBKDF2
/// (RFC 8018 section 5.2) is made of the host's MACs with its handle. What a server of another mind sends is
/// Failure(DENIED).
class Scram {
 public:
  /// A server that asks for fewer makes a password easy to guess (RFC 7677 section 4 wants 4096); for more, a
  /// login would take too long.
  static constexpr std::uint32_t minIterations = 4096, maxIterations = 100'000;

  /// `hash`: "sha1" or "sha256". `nonce`: printable and without a comma, never used before.
  Scram(const dispatch::Call& call, dispatch::Crypto crypto, ScramCache& cache, dispatch::Secret password,
        std::string hash, std::string_view user, std::string nonce);

  std::string first() const;                      ///< client-first-message
  std::string proof(std::string_view challenge);  ///< client-final-message for server-first-message
  /// Whether the server knows the password, too: its server-final-message is right.
  bool verifies(std::string_view final) const;

 private:
  const dispatch::Call& _call;
  dispatch::Crypto _crypto;
  ScramCache& _cache;
  dispatch::Secret _password;
  std::string _hash, _bare, _nonce, _signature;
};

}  // namespace xmpp
