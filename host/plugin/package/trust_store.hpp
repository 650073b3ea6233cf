#pragma once

#include "base/json.hpp"
#include "base/time.hpp"
#include "plugin/package/minisign.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// A key whose signature makes a package run, for as long and for as much as it says.
struct TrustedKey {
  std::string name;  ///< for people; also its file's name where the command made it
  minisign::PublicKey key;
  std::vector<std::string> ids;  ///< plugin ids: exact, or a beginning that ends in "*"
  std::optional<Instant> notBefore, notAfter;
  std::optional<std::string> revoked;  ///< why; it is trusted no more, whatever it signed and when
  bool firstParty = false;             ///< came with this installation: share/dispatch/trust
  std::string file;

  bool allows(std::string_view id) const;
};

/// A package that must not run although its signature is good.
struct RevokedPackage {
  std::string digest;  ///< BLAKE2b-256 hex of its plugin.json
  std::string reason, file;
};

/// The keys and revocations of an installation. Read-only after load(); then [any-thread].
///
/// Files: *.json, each {"keys": [{"name", "public_key", "ids": […], "not_before", "not_after", "revoked"}],
/// "revoked_packages": [{"digest", "reason"}]}; instants are ISO 8601, `revoked` is the reason.
class TrustStore {
 public:
  TrustStore() = default;

  /// Reads both directories; one that is not there holds nothing. Throws Problem(invalid) with file, key,
  /// what is expected and found: a store that is half understood would let revoked keys pass. Problem
  /// (unavailable) where a file cannot be read, or where others than its owner may write it.
  static TrustStore load(const std::string& firstPartyDirectory, const std::string& operatorDirectory);

  /// One file's content. Throws Problem(invalid).
  void add(std::string_view text, const std::string& file, bool firstParty);
  void add(TrustedKey key) { _keys.push_back(std::move(key)); }

  const std::vector<TrustedKey>& keys() const { return _keys; }
  const std::vector<RevokedPackage>& revokedPackages() const { return _revoked; }

  /// Every entry of that key id: one key may stand in several files, and a revocation in any of them counts.
  /// What is answered lives as long as the store.
  std::vector<const TrustedKey*> find(const minisign::KeyId& id) const&;
  std::vector<const TrustedKey*> find(const minisign::KeyId& id) && = delete;
  const RevokedPackage* revokedPackage(std::string_view digest) const;

 private:
  std::vector<TrustedKey> _keys;
  std::vector<RevokedPackage> _revoked;
};

/// "acme-*" or "acme-jira". Throws Problem(invalid) with what a pattern may be.
void checkIdPattern(const std::string& pattern, const std::string& where);

Json describe(const TrustedKey& key);

}  // namespace dispatch::plugin
