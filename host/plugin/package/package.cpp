#include "base/problem.hpp"
#include "base/random.hpp"
#include "plugin/package/library_rules.hpp"
#include "plugin/package/package_checks.hpp"
#include "plugin/package/package_directory.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

constexpr const char* manifestName = "plugin.json";
constexpr std::size_t maxManifestBytes = 1u << 20;

[[noreturn]] void refuse(const std::string& message) {
  throw Problem(Problem::Kind::invalid, message).withType("plugin_package");
}

/// Files that the manifest cannot list: itself, and the signature over it.
bool exempt(const std::string& name) { return name == manifestName || name == "plugin.json.minisig"; }

std::string readFiles(PackageCandidate& candidate) {
  candidate.bytes = readPackageDirectory(candidate.directory);
  const auto found = candidate.bytes.find(manifestName);
  if (found == candidate.bytes.end())
    refuse(candidate.directory +
           " has no plugin.json, so it is no plugin package. Remove it or install the package again.");
  if (found->second.size() > maxManifestBytes)
    refuse("plugin.json has " + std::to_string(found->second.size()) + " bytes; it may have " +
           std::to_string(maxManifestBytes) + ".");
  candidate.digest = digestHex(found->second);
  return std::to_string(candidate.bytes.size()) + " files";
}

std::string readManifest(PackageCandidate& candidate) {
  candidate.manifest = parseManifest(candidate.bytes.at(manifestName), candidate.manifestSchema);
  return candidate.manifest.id + ' ' + candidate.manifest.version;
}

std::string checkHashes(PackageCandidate& candidate) {
  for (const auto& [name, expected] : candidate.manifest.files) {
    const auto found = candidate.bytes.find(name);
    if (found == candidate.bytes.end())
      refuse(name + " is listed in plugin.json, but missing from the package. Install the package again.");
    const auto actual = digestHex(found->second);
    if (actual != expected)
      refuse(name + " is not the file that plugin.json lists: its BLAKE2b-256 is " + actual + ", listed is " +
             expected + ". It was changed or damaged after packaging: install the package again.");
  }
  return std::to_string(candidate.manifest.files.size()) + " as listed";
}

std::string refuseUnlisted(PackageCandidate& candidate) {
  for (const auto& entry : candidate.bytes)
    if (!exempt(entry.first) && candidate.manifest.files.count(entry.first) == 0)
      refuse(entry.first +
             " is in the package, but plugin.json does not list it. Remove it, or package it with its hash.");
  return "none";
}

std::string checkElf(PackageCandidate& candidate) {
  candidate.buildId =
      checkLibrary(candidate.bytes.at(candidate.manifest.library), candidate.manifest.library);
  return candidate.manifest.library;
}

}  // namespace

PackageTrust PackageCandidate::trust() const {
  PackageTrust trust;
  if (signature && !keys.empty()) {
    trust.isSigned = true;
    trust.firstParty = keys.front()->firstParty;
    trust.keyName = keys.front()->name;
    trust.keyId = minisign::keyIdText(keys.front()->key.id);
  } else if (const auto found = policy.unsignedAllowed.find(manifest.id);
             found != policy.unsignedAllowed.end()) {
    trust.unsignedAllowedBy = found->second;
  }
  return trust;
}

const std::vector<PackageCheck>& packageChecks() {
  namespace trust = trust_checks;
  static const std::vector<PackageCheck> checks{
      {"files", "A directory of plain files, each read once, that only its owner may write", readFiles},
      {"signature-file", "plugin.json.minisig, where there is one, is a signature of minisign",
       trust::readSignature},
      {"known-key", "The key that signed is in the trust store", trust::needKnownKey},
      {"signature", "The signature is that key's, over these bytes of plugin.json", trust::verifySignature},
      {"key-revoked", "The key was not revoked", trust::refuseRevokedKey},
      {"key-valid", "The key is valid now", trust::needValidKey},
      {"manifest", "plugin.json is a manifest for this host", readManifest},
      {"signed", "It is signed, or its id is under `unsigned:` in dispatch.yaml", trust::needSignature},
      {"signed-name", "The signature was made for this id and version", trust::compareMark},
      {"key-ids", "The key may sign this id", trust::needAllowedId},
      {"package-revoked", "This package was not revoked", trust::refuseRevokedPackage},
      {"quarantine", "This package is not kept back because it crashed", trust::refuseQuarantined},
      {"rollback", "Its version is not lower than one that has served", trust::refuseLowerVersion},
      {"hashes", "Every listed file is there and has its hash", checkHashes},
      {"unlisted", "No file is there that is not listed", refuseUnlisted},
      {"library", "The library keeps the rules for what is loaded", checkElf},
  };
  return checks;
}

std::vector<PackageCheckResult> checkPackage(PackageCandidate& candidate, std::string_view without) {
  std::vector<PackageCheckResult> results;
  for (const auto& check : packageChecks())
    results.push_back({&check, PackageCheckResult::State::notReached, ""});
  for (auto& result : results) {
    if (result.check->name == without) continue;
    try {
      result.detail = result.check->run(candidate);
      result.state = PackageCheckResult::State::passed;
    } catch (const Problem& problem) {
      if (problem.kind() != Problem::Kind::invalid) throw;
      result.detail = problem.what();
      result.state = PackageCheckResult::State::failed;
      break;
    }
  }
  return results;
}

Package readPackage(PackageCandidate& candidate) {
  for (const auto& check : packageChecks()) check.run(candidate);
  Package package;
  package.directory = candidate.directory;
  package.digest = candidate.digest;
  package.trust = candidate.trust();
  package.buildId = candidate.buildId;
  package.libraryBytes = std::move(candidate.bytes.at(candidate.manifest.library));
  package.manifest = candidate.manifest;
  package.credentials = {package.manifest.id, package.manifest.version, package.digest, candidate.signature,
                         std::nullopt};
  if (!candidate.keys.empty()) package.credentials.key = candidate.keys.front()->key;
  return package;
}

Package readPackage(const std::string& directory, const Json& manifestSchema, const TrustPolicy& policy) {
  PackageCandidate candidate{manifestSchema, policy, directory};
  return readPackage(candidate);
}

}  // namespace dispatch::plugin
