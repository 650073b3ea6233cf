#include "plugin/package/trust_files.hpp"

#include "base/problem.hpp"
#include "plugin/package/atomic_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <system_error>

namespace dispatch::plugin {

namespace {

constexpr const char* revokedPackagesFile = "revoked-packages.json";

bool isDigest(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Json fileOf(const TrustedKey& key) {
  Json entry{{"name", key.name}, {"public_key", key.key.text()}, {"ids", key.ids}};
  if (key.notBefore) entry["not_before"] = toText(*key.notBefore);
  if (key.notAfter) entry["not_after"] = toText(*key.notAfter);
  if (key.revoked) entry["revoked"] = *key.revoked;
  return {{"keys", Json::array({entry})}};
}

}  // namespace

std::string TrustFiles::stamp() const {
  std::string text;
  for (const auto& directory : {_firstParty, _operators}) {
    std::error_code error;
    for (std::filesystem::directory_iterator item(directory, error), end; !error && item != end;
         item.increment(error)) {
      struct stat about {};
      if (::stat(item->path().c_str(), &about) != 0) continue;
      text += item->path().string();
      for (const auto number :
           {static_cast<long long>(about.st_ino), static_cast<long long>(about.st_size),
            static_cast<long long>(about.st_mode), static_cast<long long>(about.st_uid),
            static_cast<long long>(about.st_mtim.tv_sec), static_cast<long long>(about.st_mtim.tv_nsec),
            static_cast<long long>(about.st_ctim.tv_sec), static_cast<long long>(about.st_ctim.tv_nsec)})
        text += ' ' + std::to_string(number);
      text += '\n';
    }
    // Why the directory cannot be read is for load() to say.
    text += directory + ' ' + std::to_string(error.value()) + '\n';
  }
  return text;
}

TrustSource trustSource(TrustFiles files, TrustPolicy policy) {
  struct Known {
    std::mutex mutex;
    std::string stamp;  // "" = nothing was read yet
    std::shared_ptr<const TrustPolicy> policy;
  };
  return [files = std::move(files), policy = std::move(policy),
          known = std::make_shared<Known>()]() -> std::shared_ptr<const TrustPolicy> {
    const std::lock_guard lock(known->mutex);
    const auto stamp = files.stamp();  // before the files: what changes meanwhile is read next time
    if (stamp == known->stamp) return known->policy;
    auto now = policy;
    now.store = files.load();
    known->policy = std::make_shared<const TrustPolicy>(std::move(now));
    known->stamp = stamp;
    return known->policy;
  };
}

TrustedKey TrustFiles::find(const TrustStore& store, const std::string& which, bool operatorsOnly) const {
  std::vector<TrustedKey> found;
  std::string known;
  for (const auto& key : store.keys()) {
    const auto id = minisign::keyIdText(key.key.id);
    if (!key.firstParty || !operatorsOnly)
      known += (known.empty() ? "" : ", ") + ('"' + key.name + "\" " + id);
    if (key.name == which || minisign::namesKeyId(which, key.key.id)) found.push_back(key);
  }
  // The operator's entry first: it is the one that can be changed.
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& left, const auto& right) { return !left.firstParty && right.firstParty; });
  if (found.empty())
    throw Problem(Problem::Kind::notFound, "No trusted key has the name or id \"" + which + "\"; there are " +
                                               (known.empty() ? "none" : known) + '.');
  const auto other = std::find_if(found.begin(), found.end(),
                                  [&](const auto& key) { return !(key.key == found.front().key); });
  if (other != found.end())
    throw Problem(Problem::Kind::conflict, "Several keys are called \"" + which + "\": say which by its id.");
  if (operatorsOnly && found.front().firstParty)
    throw Problem(Problem::Kind::invalid, "The key \"" + found.front().name +
                                              "\" came with this installation (" + found.front().file +
                                              "). It cannot be removed here, only revoked: dispatch plugins "
                                              "trust revoke " +
                                              minisign::keyIdText(found.front().key.id) + " --reason WHY");
  return found.front();
}

std::string TrustFiles::write(const TrustedKey& key) const {
  const auto path = key.file.empty() || key.firstParty
                        ? _operators + '/' + minisign::keyIdText(key.key.id) + ".json"
                        : key.file;
  const auto text = fileOf(key).dump(2) + '\n';
  TrustStore().add(text, path, false);  // what the host would refuse is not written
  makeDirectory(_operators, 0755);
  writeFileAtomically(path, text, 0644);
  return path;
}

TrustedKey TrustFiles::add(TrustedKey key) const {
  const auto store = load();
  for (const auto* other : store.find(key.key.id)) {
    if (!(other->key == key.key))
      throw Problem(Problem::Kind::conflict, "Another key with the id " + minisign::keyIdText(key.key.id) +
                                                 " is trusted already, in " + other->file +
                                                 ". Have its owner make a new one.");
    if (other->revoked)
      throw Problem(Problem::Kind::conflict,
                    "The key " + minisign::keyIdText(key.key.id) + " was revoked in " + other->file + ": " +
                        *other->revoked + ". To trust it again, first: dispatch plugins trust remove " +
                        minisign::keyIdText(key.key.id));
  }
  key.file.clear();
  key.firstParty = false;
  key.file = write(key);
  return key;
}

TrustedKey TrustFiles::remove(const std::string& which) const {
  const auto key = find(load(), which, true);
  // A file written by hand may hold more than this key.
  TrustStore rest;
  std::ifstream in(key.file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  rest.add(text.str(), key.file, false);
  if (rest.keys().size() + rest.revokedPackages().size() > 1)
    throw Problem(Problem::Kind::conflict,
                  key.file + " holds more than this key. Take it out there by hand.");
  std::error_code error;
  if (!std::filesystem::remove(key.file, error))
    throw Problem(Problem::Kind::unavailable,
                  key.file + " cannot be removed: " + (error ? error.message() : "it is gone") + '.');
  synchroniseDirectory(_operators);
  return key;
}

Json TrustFiles::revoke(const std::string& which, const std::string& reason) const {
  if (reason.empty())
    throw Problem(Problem::Kind::invalid,
                  "A revocation needs its reason: whoever reads the refusal wants to know.");
  const auto store = load();
  if (isDigest(which)) {
    Json revoked = Json::array();
    const auto path = _operators + '/' + revokedPackagesFile;
    for (const auto& entry : store.revokedPackages())
      if (entry.file == path && entry.digest != which)
        revoked.push_back({{"digest", entry.digest}, {"reason", entry.reason}});
    revoked.push_back({{"digest", which}, {"reason", reason}});
    makeDirectory(_operators, 0755);
    writeFileAtomically(path, Json{{"revoked_packages", revoked}}.dump(2) + '\n', 0644);
    return {{"digest", which}, {"revoked", reason}, {"file", path}};
  }
  auto key = find(store, which, false);
  key.revoked = reason;
  key.file = write(key);
  key.firstParty = false;
  return describe(key);
}

}  // namespace dispatch::plugin
