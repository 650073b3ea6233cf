#include "kit/package_findings.hpp"

#include "base/base.hpp"
#include "kit/files.hpp"
#include "kit/signing.hpp"

#include <filesystem>
#include <set>

namespace dispatch::kit {

namespace {

using State = plugin::PackageCheckResult::State;

/// Checks that say something only of a signature.
const std::set<std::string_view> aboutSignatures{"signature-file", "known-key", "signature",   "key-revoked",
                                                 "key-valid",      "signed",    "signed-name", "key-ids"};
/// Of those, the ones that need the public key.
const std::set<std::string_view> needTheKey{"known-key", "signature", "key-revoked", "key-valid", "key-ids"};

plugin::TrustStore storeOf(const Equipment& equipment, const std::vector<std::string>& publicKeys) {
  plugin::TrustStore store;
  try {
    store = plugin::TrustStore::load(equipment.trust, equipment.operators);
  } catch (const Problem&) {
    // The server's keys are for its users; an author need not be one of them.
  }
  const auto add = [&](const plugin::minisign::PublicKey& key, const std::string& name) {
    plugin::TrustedKey trusted;
    trusted.name = name;
    trusted.key = key;
    trusted.ids = {"*"};
    trusted.file = name;
    store.add(std::move(trusted));
  };
  if (const auto own = developmentKey()) add(own->publicKey(), developmentKeyPath());
  for (const auto& given : publicKeys)
    add(plugin::minisign::parsePublicKey(std::filesystem::exists(given) ? readFile(given) : given, given),
        given);
  return store;
}

/// The id in plugin.json, before anything of it is checked; "" where it has none.
std::string idIn(const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(directory + "/plugin.json", error)) return "";
  const auto json = Json::parse(readFile(directory + "/plugin.json"), nullptr, false);
  return textOr(json.is_object() ? json : Json::object(), "id");
}

}  // namespace

void ExaminedPackage::writeTo(const std::string& directory) const {
  std::filesystem::create_directories(directory);
  for (const auto& [name, content] : bytes)
    if (name != "plugin.json.minisig") writeFile(directory + '/' + name, content);
}

ExaminedPackage examinePackage(const Equipment& equipment, const std::string& directory,
                               bool requireSignature, const std::vector<std::string>& publicKeys) {
  const Json schema = parseJson(readFile(equipment.contracts + "/plugin.schema.json"), "plugin.schema.json");
  plugin::TrustPolicy policy;
  policy.store = storeOf(equipment, publicKeys);
  const bool mayBeUnsigned = !requireSignature;
  if (const auto id = idIn(directory); mayBeUnsigned && !id.empty())
    policy.unsignedAllowed[id] = "dispatch-plugin";

  const auto fresh = [&] {
    return std::make_unique<plugin::PackageCandidate>(plugin::PackageCandidate{schema, policy, directory});
  };
  auto examinedBytes = fresh();
  auto results = plugin::checkPackage(*examinedBytes);
  const auto failed = [&](std::string_view name) {
    for (const auto& result : results)
      if (result.check->name == name) return result.state == State::failed;
    return false;
  };
  bool unknownKey = false;
  if (mayBeUnsigned && failed("known-key")) {
    unknownKey = true;
    examinedBytes = fresh();
    results = plugin::checkPackage(*examinedBytes, "known-key");
  }
  auto& candidate = *examinedBytes;

  ExaminedPackage examined;
  examined.runnable = true;
  for (const auto& result : results) {
    Finding finding{std::string(result.check->name), std::string(result.check->promise), "", {}, 0};
    const bool aboutSignature = aboutSignatures.count(result.check->name) != 0;
    if (result.state == State::failed) {
      finding.verdict = Verdict::failed(result.detail);
      examined.runnable = false;
    } else if (mayBeUnsigned && aboutSignature && !candidate.signature) {
      finding.verdict = Verdict::skipped("Not signed. Sign it with: dispatch-plugin sign " + directory);
    } else if (unknownKey && needTheKey.count(result.check->name) != 0) {
      finding.verdict =
          Verdict::skipped("Signed by the key " + plugin::minisign::keyIdText(candidate.signature->keyId) +
                           ", which is not known here. Give its public half with --public-key FILE.");
    } else if (result.state == State::notReached) {
      finding.verdict = Verdict::skipped("Not reached.");
      examined.runnable = false;
    } else {
      finding.verdict = Verdict::ok(result.detail + '.');
    }
    examined.findings.push_back(std::move(finding));
  }
  examined.manifest = candidate.manifest;
  examined.bytes = std::move(candidate.bytes);
  return examined;
}

}  // namespace dispatch::kit
