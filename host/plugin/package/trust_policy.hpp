#pragma once

#include "config/config.hpp"
#include "plugin/package/ledger.hpp"
#include "plugin/package/trust_store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace dispatch::plugin {

/// Which packages may run: what is checked of a package besides its own bytes.
struct TrustPolicy {
  TrustStore store;
  /// Ids of packages that may run without a signature -> who says so, such as "dispatch.yaml line 46".
  std::map<std::string, std::string> unsignedAllowed;
  std::shared_ptr<Ledger> ledger;  ///< null: nothing is remembered, so no version is too low
  std::function<Instant()> clock = now;
};

/// The policy that counts now. Asked anew whenever a package is looked at or code of it is about to be
/// started: trust that was given or taken counts at once. [any-thread] Throws Problem as TrustStore::load().
using TrustSource = std::function<std::shared_ptr<const TrustPolicy>()>;

/// `unsigned:` of dispatch.yaml. Throws Problem(invalid) with the entry and what is expected.
std::map<std::string, std::string> readUnsigned(const config::Settings& settings);

/// Why a package may run.
struct PackageTrust {
  bool isSigned = false;
  bool firstParty = false;        ///< signed by a key that came with this installation
  std::string keyName, keyId;     ///< of the key that signed it
  std::string unsignedAllowedBy;  ///< where it is not signed

  /// `signed by "Acme" (key 953198425CEF6B4B)` or `unsigned, allowed by dispatch.yaml line 46`.
  std::string text() const;
};

/// What the trusted comment of a package's signature must hold, as one of its words:
/// "dispatch-plugin:<id>@<version>".
std::string packageMark(const std::string& id, const std::string& version);

}  // namespace dispatch::plugin
