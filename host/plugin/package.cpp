#include "plugin/package.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"
#include "plugin/library_rules.hpp"
#include "plugin/package_directory.hpp"

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

void readFiles(PackageCandidate& candidate) { candidate.bytes = readPackageDirectory(candidate.directory); }

void readManifest(PackageCandidate& candidate) {
  const auto found = candidate.bytes.find(manifestName);
  if (found == candidate.bytes.end())
    refuse(candidate.directory +
           " has no plugin.json, so it is no plugin package. Remove it or install the package again.");
  if (found->second.size() > maxManifestBytes)
    refuse("plugin.json has " + std::to_string(found->second.size()) + " bytes; it may have " +
           std::to_string(maxManifestBytes) + ".");
  candidate.manifest = parseManifest(found->second, candidate.manifestSchema);
}

void checkHashes(PackageCandidate& candidate) {
  for (const auto& [name, expected] : candidate.manifest.files) {
    const auto found = candidate.bytes.find(name);
    if (found == candidate.bytes.end())
      refuse(name + " is listed in plugin.json, but missing from the package. Install the package again.");
    const auto actual = digestHex(found->second);
    if (actual != expected)
      refuse(name + " is not the file that plugin.json lists: its BLAKE2b-256 is " + actual + ", listed is " +
             expected + ". It was changed or damaged after packaging: install the package again.");
  }
}

void refuseUnlisted(PackageCandidate& candidate) {
  for (const auto& entry : candidate.bytes)
    if (!exempt(entry.first) && candidate.manifest.files.count(entry.first) == 0)
      refuse(entry.first +
             " is in the package, but plugin.json does not list it. Remove it, or package it with its hash.");
}

void checkElf(PackageCandidate& candidate) {
  checkLibrary(candidate.bytes.at(candidate.manifest.library), candidate.manifest.library);
}

}  // namespace

const std::vector<PackageCheck>& packageChecks() {
  static const std::vector<PackageCheck> checks{
      {"files", readFiles},         {"manifest", readManifest}, {"hashes", checkHashes},
      {"unlisted", refuseUnlisted}, {"library", checkElf},
  };
  return checks;
}

Package readPackage(const std::string& directory, const Json& manifestSchema) {
  PackageCandidate candidate{manifestSchema, directory, {}, {}};
  for (const auto& check : packageChecks()) check.run(candidate);
  Package package;
  package.directory = directory;
  package.digest = digestHex(candidate.bytes.at(manifestName));
  package.libraryBytes = std::move(candidate.bytes.at(candidate.manifest.library));
  package.manifest = std::move(candidate.manifest);
  return package;
}

}  // namespace dispatch::plugin
