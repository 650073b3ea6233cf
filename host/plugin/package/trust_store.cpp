#include "plugin/package/trust_store.hpp"

#include "base/problem.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace dispatch::plugin {

namespace {

constexpr std::uintmax_t maxFileBytes = 1u << 20;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Problem(Problem::Kind::invalid, where + ' ' + what).withType("plugin_trust");
}

[[noreturn]] void unreadable(const std::string& path, const std::string& why) {
  throw Problem(Problem::Kind::unavailable,
                path + " cannot be read: " + why +
                    ". It says whose plugins may run: give the server's user read "
                    "permission for it, or take it away.")
      .withType("plugin_trust");
}

/// The value of a member that must be text and not empty.
std::string needText(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
    refuse(where, "needs a \"" + std::string(key) + "\" in text, found " +
                      (found == object.end() ? "none" : dumpJson(*found).substr(0, 60)) + '.');
  return found->get<std::string>();
}

std::optional<Instant> instantOf(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  const auto instant = found->is_string() ? parseInstant(found->get<std::string>()) : std::nullopt;
  if (!instant)
    refuse(where, "has the " + std::string(key) + " " + dumpJson(*found).substr(0, 60) +
                      "; expected is an instant such as \"2027-01-31T00:00:00Z\".");
  return instant;
}

void needKnown(const Json& object, const std::vector<std::string_view>& known, const std::string& where) {
  if (!object.is_object()) refuse(where, "must be a JSON object.");
  for (const auto& member : object.items())
    if (std::find(known.begin(), known.end(), member.key()) == known.end()) {
      std::string names;
      for (const auto name : known) names += (names.empty() ? "" : ", ") + std::string(name);
      refuse(where,
             "has the unknown member \"" + member.key().substr(0, 60) + "\"; known are " + names + '.');
    }
}

const Json& listOf(const Json& object, const char* key, const std::string& where) {
  static const Json none = Json::array();
  const auto found = object.find(key);
  if (found == object.end()) return none;
  if (!found->is_array()) refuse(where, "has a \"" + std::string(key) + "\" that is no list.");
  return *found;
}

TrustedKey readKey(const Json& json, const std::string& file, std::size_t number, bool firstParty) {
  std::string where = file + ": key " + std::to_string(number);
  needKnown(json, {"name", "public_key", "ids", "not_before", "not_after", "revoked"}, where);
  TrustedKey key;
  key.name = needText(json, "name", where);
  where = file + ": key \"" + key.name.substr(0, 80) + '"';
  key.key = minisign::parsePublicKey(needText(json, "public_key", where), where);
  for (const auto& pattern : listOf(json, "ids", where)) {
    if (!pattern.is_string()) refuse(where, "has an entry of \"ids\" that is no text.");
    key.ids.push_back(pattern.get<std::string>());
    checkIdPattern(key.ids.back(), where);
  }
  if (json.contains("revoked") && !json["revoked"].is_null()) key.revoked = needText(json, "revoked", where);
  if (key.ids.empty() && !key.revoked)
    refuse(where, "needs \"ids\": the plugins that it may sign, such as [\"acme-*\"].");
  key.notBefore = instantOf(json, "not_before", where);
  key.notAfter = instantOf(json, "not_after", where);
  if (key.notBefore && key.notAfter && *key.notAfter <= *key.notBefore)
    refuse(where, "is valid from " + toText(*key.notBefore) + " to " + toText(*key.notAfter) +
                      ": never. Expected is a not_after later than not_before.");
  key.firstParty = firstParty;
  key.file = file;
  return key;
}

void loadDirectory(TrustStore& store, const std::string& directory, bool firstParty) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  if (directory.empty() || !std::filesystem::exists(directory, error)) {
    if (error && error != std::errc::no_such_file_or_directory) unreadable(directory, error.message());
    return;
  }
  for (std::filesystem::directory_iterator item(directory, error), end; !error && item != end;
       item.increment(error))
    if (const auto name = item->path().filename().string(); name.ends_with(".json") && name.front() != '.')
      files.push_back(item->path());
  if (error) unreadable(directory, error.message());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) unreadable(file.string(), std::generic_category().message(errno));
    if ((status.st_mode & S_IWOTH) != 0)
      refuse(file.string(),
             "may be written by everybody, and says whose plugins may run. Take that away: "
             "chmod o-w " +
                 file.string());
    if (!S_ISREG(status.st_mode) || static_cast<std::uintmax_t>(status.st_size) > maxFileBytes)
      refuse(file.string(), "is no file of at most " + std::to_string(maxFileBytes) + " bytes.");
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) unreadable(file.string(), std::generic_category().message(errno));
    store.add(text.str(), file.string(), firstParty);
  }
}

}  // namespace

bool TrustedKey::allows(std::string_view id) const {
  return std::any_of(ids.begin(), ids.end(), [&](const std::string& pattern) {
    return pattern.ends_with('*') ? id.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1))
                                  : id == pattern;
  });
}

void checkIdPattern(const std::string& pattern, const std::string& where) {
  const auto body =
      pattern.ends_with('*') ? std::string_view(pattern).substr(0, pattern.size() - 1) : pattern;
  const bool sound =
      pattern.size() <= 64 && !pattern.empty() &&
      body.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
  if (!sound)
    refuse(where, "has the id pattern \"" + pattern.substr(0, 80) +
                      "\"; expected is a plugin's id, or a beginning of ids that ends in *, such as acme-*.");
}

TrustStore TrustStore::load(const std::string& firstPartyDirectory, const std::string& operatorDirectory) {
  TrustStore store;
  loadDirectory(store, firstPartyDirectory, true);
  loadDirectory(store, operatorDirectory, false);
  return store;
}

void TrustStore::add(std::string_view text, const std::string& file, bool firstParty) {
  const Json json = parseJson(text, file);
  needKnown(json, {"keys", "revoked_packages"}, file);
  std::size_t number = 0;
  for (const auto& key : listOf(json, "keys", file))
    _keys.push_back(readKey(key, file, ++number, firstParty));
  number = 0;
  for (const auto& entry : listOf(json, "revoked_packages", file)) {
    const auto where = file + ": revoked package " + std::to_string(++number);
    needKnown(entry, {"digest", "reason"}, where);
    RevokedPackage revoked{needText(entry, "digest", where), needText(entry, "reason", where), file};
    if (revoked.digest.size() != 64 ||
        revoked.digest.find_first_not_of("0123456789abcdef") != std::string::npos)
      refuse(where,
             "has the digest \"" + revoked.digest.substr(0, 80) +
                 "\"; expected are the 64 hexadecimal digits that plugins show and plugins verify tell.");
    _revoked.push_back(std::move(revoked));
  }
}

std::vector<const TrustedKey*> TrustStore::find(const minisign::KeyId& id) const& {
  std::vector<const TrustedKey*> found;
  for (const auto& key : _keys)
    if (key.key.id == id) found.push_back(&key);
  return found;
}

const RevokedPackage* TrustStore::revokedPackage(std::string_view digest) const {
  for (const auto& revoked : _revoked)
    if (revoked.digest == digest) return &revoked;
  return nullptr;
}

Json describe(const TrustedKey& key) {
  return {{"name", key.name},
          {"key_id", minisign::keyIdText(key.key.id)},
          {"public_key", key.key.text()},
          {"ids", key.ids},
          {"not_before", key.notBefore ? Json(toText(*key.notBefore)) : Json()},
          {"not_after", key.notAfter ? Json(toText(*key.notAfter)) : Json()},
          {"revoked", key.revoked ? Json(*key.revoked) : Json()},
          {"origin", key.firstParty ? "this installation" : "operator"},
          {"file", key.file}};
}

}  // namespace dispatch::plugin
