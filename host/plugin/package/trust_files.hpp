#pragma once

#include "plugin/package/trust_policy.hpp"

#include <string>

namespace dispatch::plugin {

/// The operator's keys as files, etc/dispatch/trust.d: one per key, called by its id. Every change is checked
/// by reading the result as the host would before it is written. All throw Problem.
class TrustFiles {
 public:
  /// `firstParty`: the directory of the keys that came with the installation; they are never written.
  TrustFiles(std::string firstParty, std::string operators)
      : _firstParty(std::move(firstParty)), _operators(std::move(operators)) {}

  TrustStore load() const { return TrustStore::load(_firstParty, _operators); }
  /// Changes when load() might answer something else.
  std::string stamp() const;

  /// Trusts the key, or changes what it may sign and how long. A revoked key is refused: take the revocation
  /// away first. Answers the entry.
  TrustedKey add(TrustedKey key) const;
  /// `which`: a key's name or id. What came with the installation cannot be removed, only revoked.
  TrustedKey remove(const std::string& which) const;
  /// `which`: a key's name or id, or the digest of a package. A key that came with the installation is
  /// revoked by an entry of the operator's.
  Json revoke(const std::string& which, const std::string& reason) const;

 private:
  TrustedKey find(const TrustStore& store, const std::string& which, bool operatorsOnly) const;
  std::string write(const TrustedKey& key) const;

  std::string _firstParty, _operators;
};

/// A policy whose trust store is that of the files as they are now; they are read again when they have
/// changed.
TrustSource trustSource(TrustFiles files, TrustPolicy policy);

}  // namespace dispatch::plugin
