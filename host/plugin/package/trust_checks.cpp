#include "base/problem.hpp"
#include "plugin/package/package_checks.hpp"
#include "plugin/service/service_support.hpp"

#include <algorithm>

namespace dispatch::plugin::trust_checks {

namespace {

constexpr const char* manifestName = "plugin.json";
constexpr const char* signatureName = "plugin.json.minisig";

[[noreturn]] void refuse(const std::string& message, const char* type = "plugin_trust") {
  throw Problem(Problem::Kind::invalid, message).withType(type);
}

std::string nameOf(const TrustedKey& key) {
  return '"' + key.name + "\" (" + minisign::keyIdText(key.key.id) + ", " + key.file + ')';
}

bool validAt(const TrustedKey& key, Instant when) {
  return (!key.notBefore || *key.notBefore <= when) && (!key.notAfter || when < *key.notAfter);
}

/// Is `mark` one of the words of `comment`?
bool hasWord(const std::string& comment, const std::string& mark) {
  for (std::size_t at = 0; at <= comment.size();) {
    const auto end = std::min(comment.find_first_of(" \t", at), comment.size());
    if (comment.compare(at, end - at, mark) == 0) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

std::string readSignature(PackageCandidate& candidate) {
  const auto found = candidate.bytes.find(signatureName);
  if (found == candidate.bytes.end()) return "the package is not signed";
  candidate.signature = minisign::parseSignature(found->second, signatureName);
  candidate.keys = candidate.policy.store.find(candidate.signature->keyId);
  return "by key " + minisign::keyIdText(candidate.signature->keyId);
}

std::string needKnownKey(PackageCandidate& candidate) {
  if (!candidate.signature) return "not signed";
  const auto id = minisign::keyIdText(candidate.signature->keyId);
  if (!candidate.keys.empty()) return candidate.keys.front()->name;
  refuse("The package is signed by the key " + id +
         ", which is not trusted here. If you know whose it is, trust it with: dispatch plugins trust add "
         "PUBLIC_KEY --name WHO --ids PLUGIN_ID");
}

std::string verifySignature(PackageCandidate& candidate) {
  if (!candidate.signature || candidate.keys.empty()) return "not signed";
  const auto manifest = candidate.bytes.find(manifestName);
  const std::string_view message = manifest == candidate.bytes.end() ? std::string_view() : manifest->second;
  auto& keys = candidate.keys;
  const auto* first = keys.front();
  keys.erase(std::remove_if(keys.begin(), keys.end(),
                            [&](const TrustedKey* key) {
                              return !minisign::verify(key->key, *candidate.signature, message);
                            }),
             keys.end());
  if (!keys.empty()) return candidate.signature->prehashed ? "Ed25519, pre-hashed" : "Ed25519";
  refuse("plugin.json.minisig is not a signature of key " + nameOf(*first) +
         " over this plugin.json: one of the two was changed or exchanged after signing. Install the package "
         "again, from where you trust.");
}

std::string refuseRevokedKey(PackageCandidate& candidate) {
  for (const auto* key : candidate.keys)
    if (key->revoked)
      refuse("The package is signed by the key " + nameOf(*key) + ", which was revoked: " +
             oneLine(*key->revoked, 300) + ". Install a package that another key signed.");
  return candidate.signature ? "not revoked" : "not signed";
}

std::string needValidKey(PackageCandidate& candidate) {
  auto& keys = candidate.keys;
  if (keys.empty()) return "not signed";
  const auto when = candidate.policy.clock();
  const auto* first = keys.front();
  keys.erase(
      std::remove_if(keys.begin(), keys.end(), [&](const TrustedKey* key) { return !validAt(*key, when); }),
      keys.end());
  if (!keys.empty())
    return keys.front()->notAfter ? "until " + toText(*keys.front()->notAfter) : "without an end";
  refuse("The package is signed by the key " + nameOf(*first) + ", which is valid " +
         (first->notBefore ? "from " + toText(*first->notBefore) + ' ' : "") +
         (first->notAfter ? "until " + toText(*first->notAfter) : "") + ", and it is " + toText(when) +
         ". Check this machine's clock, get a package with a newer signature, or trust the key for longer.");
}

std::string needSignature(PackageCandidate& candidate) {
  if (candidate.signature) return "signed";
  const auto& id = candidate.manifest.id;
  const auto& allowed = candidate.policy.unsignedAllowed;
  if (const auto found = allowed.find(id); found != allowed.end())
    return "unsigned, allowed by " + found->second;
  refuse(
      "The package is not signed (it has no plugin.json.minisig). Install a signed one; or, if you made it "
      "yourself, sign it or name " +
      id + " under `unsigned:` in dispatch.yaml.");
}

std::string compareMark(PackageCandidate& candidate) {
  if (!candidate.signature) return "not signed";
  const auto mark = packageMark(candidate.manifest.id, candidate.manifest.version);
  if (hasWord(candidate.signature->trustedComment, mark)) return mark;
  refuse("The signature's trusted comment is \"" + oneLine(candidate.signature->trustedComment, 200) +
         "\"; expected is the word " + mark +
         " in it, as plugin.json says. Its author has to sign it again: minisign -S -t '" + mark +
         "' -m plugin.json");
}

std::string needAllowedId(PackageCandidate& candidate) {
  auto& keys = candidate.keys;
  if (keys.empty()) return "not signed";
  const auto& id = candidate.manifest.id;
  const auto* first = keys.front();
  keys.erase(
      std::remove_if(keys.begin(), keys.end(), [&](const TrustedKey* key) { return !key->allows(id); }),
      keys.end());
  if (!keys.empty()) return id;
  std::string patterns;
  for (const auto& pattern : first->ids) patterns += (patterns.empty() ? "" : ", ") + pattern;
  refuse("The package is signed by the key " + nameOf(*first) + ", which may sign " + patterns +
         ", but not " + id +
         ". If it should, add that id to the key: dispatch plugins trust add, with --ids.");
}

std::string refuseRevokedPackage(PackageCandidate& candidate) {
  if (const auto* revoked = candidate.policy.store.revokedPackage(candidate.digest))
    refuse("This very package (" + candidate.digest + ") was revoked in " + revoked->file + ": " +
           oneLine(revoked->reason, 300) + ". Install another version.");
  return "not revoked";
}

std::string refuseQuarantined(PackageCandidate& candidate) {
  if (!candidate.policy.ledger) return "nothing is remembered";
  if (const auto found = candidate.policy.ledger->quarantined(candidate.digest))
    refuse("This package is in quarantine since " + found->since + ", after " +
               std::to_string(found->crashes) + (found->crashes == 1 ? " time: " : " times: ") +
               oneLine(found->reason, 300) +
               ". Install another version, or let it run again with: dispatch plugins quarantine release " +
               candidate.digest,
           "plugin_quarantine");
  return "not in quarantine";
}

std::string refuseLowerVersion(PackageCandidate& candidate) {
  if (!candidate.policy.ledger) return "nothing is remembered";
  const auto& ledger = *candidate.policy.ledger;
  const auto& manifest = candidate.manifest;
  const auto highest = ledger.highestServed(manifest.id);
  if (highest.empty()) return "none has served yet";
  if (ledger.allows(manifest.id, manifest.version)) return highest + " has served";
  refuse(
      "Its version " + manifest.version + " is lower than " + highest +
          ", which has served here: an old package may have weaknesses that were mended. If you mean to go "
          "back to it, allow that with: dispatch plugins pin " +
          manifest.id + ' ' + manifest.version,
      "plugin_rollback");
}

}  // namespace dispatch::plugin::trust_checks

namespace dispatch::plugin {

std::string refusalNow(const Credentials& credentials, const TrustSource& trust) noexcept {
  using namespace trust_checks;
  try {
    const auto policy = trust();
    const Json noSchema;
    PackageCandidate candidate{noSchema, *policy, ""};
    candidate.digest = credentials.digest;
    candidate.signature = credentials.signature;
    candidate.manifest.id = credentials.id;
    candidate.manifest.version = credentials.version;
    if (credentials.signature) candidate.keys = policy->store.find(credentials.signature->keyId);
    // Whose signature it is was verified with the bytes: another key of the same id did not make it.
    std::erase_if(candidate.keys, [&](const TrustedKey* key) { return key->key != credentials.key; });
    for (const auto check : {needKnownKey, refuseRevokedKey, needValidKey, needSignature, needAllowedId,
                             refuseRevokedPackage, refuseQuarantined})
      check(candidate);
    return {};
  } catch (const std::exception& problem) {
    return problem.what();
  }
}

}  // namespace dispatch::plugin
