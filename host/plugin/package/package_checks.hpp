#pragma once

#include "plugin/package/package.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// The bytes of a package while it is being checked, and what the checks found so far.
struct PackageCandidate {
  const Json& manifestSchema;
  const TrustPolicy& policy;
  std::string directory;
  std::map<std::string, std::string> bytes = {};  ///< file name -> content, each read once
  std::string digest = {};
  std::optional<minisign::Signature> signature = {};  ///< absent: the package is not signed
  std::vector<const TrustedKey*> keys =
      {};                    ///< entries of the store that may vouch for it; fewer with each check
  Manifest manifest = {};    ///< from the check "manifest" on
  std::string buildId = {};  ///< of its library, from the check "library" on

  PackageTrust trust() const;
};

/// One check of a package. Throws Problem; answers what it found in a few words.
struct PackageCheck {
  std::string_view name;
  std::string_view promise;  ///< what holds of a package that passes
  std::string (*run)(PackageCandidate& candidate);
};
/// In the order in which they run; each relies on those before it.
const std::vector<PackageCheck>& packageChecks();

struct PackageCheckResult {
  enum class State { passed, failed, notReached };
  const PackageCheck* check;
  State state = State::notReached;
  std::string detail;  ///< what was found, or the refusal
};

/// Every check with its result; after the first that fails the others are not reached. `without`: the name of
/// a check to leave out, for the tests that show what each is for. Throws Problem(unavailable) where the
/// system refuses to read.
std::vector<PackageCheckResult> checkPackage(PackageCandidate& candidate, std::string_view without = "");

/// As readPackage() of package.hpp; what was found before it was refused stays in `candidate`. Takes the
/// bytes of the library out of it.
Package readPackage(PackageCandidate& candidate);

/// The checks on who signed the package: the part of packageChecks() that looks at the trust store.
namespace trust_checks {
std::string readSignature(PackageCandidate& candidate);
std::string needKnownKey(PackageCandidate& candidate);
std::string verifySignature(PackageCandidate& candidate);
std::string refuseRevokedKey(PackageCandidate& candidate);
std::string needValidKey(PackageCandidate& candidate);
std::string needSignature(PackageCandidate& candidate);
std::string compareMark(PackageCandidate& candidate);
std::string needAllowedId(PackageCandidate& candidate);
std::string refuseRevokedPackage(PackageCandidate& candidate);
std::string refuseQuarantined(PackageCandidate& candidate);
std::string refuseLowerVersion(PackageCandidate& candidate);
}  // namespace trust_checks

}  // namespace dispatch::plugin
