#include "kit/signing.hpp"

#include "base/base.hpp"
#include "kit/files.hpp"
#include "kit/package_findings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace dispatch::kit {

namespace {

namespace fs = std::filesystem;
namespace minisign = plugin::minisign;

/// A file that only its owner can read, from its first byte on.
void writePrivateFile(const std::string& path, const std::string& text) {
  needDirectoryOf(path);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    if (errno == EEXIST)
      throw Problem(Problem::Kind::conflict,
                    path +
                        " is there already, and a key is never overwritten: whoever trusts it would have to "
                        "trust another. Name another file with --key.");
    throw Problem(Problem::Kind::unavailable, path + " cannot be written: " + std::strerror(errno) + '.');
  }
  const bool good = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  if (!good) throw Problem(Problem::Kind::unavailable, path + " cannot be written.");
}

std::string publicFileOf(const std::string& keyFile) {
  return fs::path(keyFile).replace_extension(".pub").string();
}

std::string shellWord(const std::string& word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + '\'';
}

/// Without the signature, symbolic links as links.
void copyPackage(const std::string& directory, const std::string& to) {
  try {
    for (const auto& item : fs::directory_iterator(directory))
      if (item.path().filename() != "plugin.json.minisig")
        fs::copy(item.path(), fs::path(to) / item.path().filename(),
                 fs::copy_options::copy_symlinks | fs::copy_options::recursive);
  } catch (const fs::filesystem_error& error) {
    throw Problem(Problem::Kind::notFound,
                  "Nothing was signed: " + error.path1().string() +
                      " cannot be read: " + error.code().message() +
                      ". Give the directory of the built package: build/lib/dispatch/plugins/<id>.");
  }
}

/// It must pass every check but those of a signature. What is examined is a copy, for an old signature may
/// stand in the package; what is said of it is said of the package.
void needSound(const Equipment& equipment, const std::string& directory) {
  const TemporaryDirectory copy;
  copyPackage(directory, copy.path());
  for (const auto& finding : examinePackage(equipment, copy.path(), false, {}).findings) {
    if (finding.verdict.state != Verdict::State::failed) continue;
    auto sentence = finding.verdict.sentence;
    for (auto at = sentence.find(copy.path()); at != std::string::npos;
         at = sentence.find(copy.path(), at + directory.size()))
      sentence.replace(at, copy.path().size(), directory);
    throw Problem(Problem::Kind::invalid,
                  "Nothing was signed. Check \"" + finding.check + "\" failed: " + sentence);
  }
}

}  // namespace

std::string developmentKeyPath() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  const std::string base = config != nullptr && *config == '/' ? config
                           : home != nullptr && *home == '/'   ? std::string(home) + "/.config"
                                                               : "";
  if (base.empty())
    throw Problem(Problem::Kind::invalid,
                  "HOME is not set, so there is no place for a key of your own: use --key FILE.");
  return base + "/dispatch/plugin-dev.key";
}

std::optional<minisign::SecretKey> developmentKey() {
  try {
    const auto path = developmentKeyPath();
    if (!fs::exists(path)) return std::nullopt;
    return minisign::parseSecretKey(readFile(path), "", path);
  } catch (const Problem&) {
    return std::nullopt;
  }
}

Json generateKey(const std::string& file) {
  const auto key = minisign::generate();
  const auto line = key.publicKey().text(), id = minisign::keyIdText(key.id);
  writePrivateFile(file, key.file());
  writeFile(publicFileOf(file), "untrusted comment: minisign public key " + id + '\n' + line + '\n');
  return {{"key", file}, {"public_key", line}, {"public_key_file", publicFileOf(file)}, {"key_id", id}};
}

Json generateOwnKey() {
  const auto file = developmentKeyPath();
  std::error_code error;  // what cannot be made is told by the directory that is missing
  fs::create_directories(fs::path(file).parent_path(), error);
  return generateKey(file);
}

Json signPackage(const Equipment& equipment, const std::string& directory, const SignOptions& options) {
  needSound(equipment, directory);
  const auto text = readFile(directory + "/plugin.json");
  const auto manifest = plugin::parseManifest(
      text, parseJson(readFile(equipment.contracts + "/plugin.schema.json"), "plugin.schema.json"));
  const auto file = options.keyFile.empty() ? developmentKeyPath() : options.keyFile;
  const bool made = options.keyFile.empty() && !fs::exists(file);
  if (made) generateOwnKey();
  const auto key = minisign::parseSecretKey(readFile(file), options.password, file);
  const auto signature = directory + "/plugin.json.minisig";
  writeFile(signature + ".new",
            minisign::sign(key, text, plugin::packageMark(manifest.id, manifest.version)));
  fs::rename(signature + ".new", signature);
  const auto line = key.publicKey().text();
  return {{"id", manifest.id},
          {"version", manifest.version},
          {"signature", signature},
          {"key", file},
          {"public_key", line},
          {"made", made},
          {"trust", "dispatch plugins trust add " + line + " --name " + shellWord(manifest.author) +
                        " --ids " + manifest.id}};
}

}  // namespace dispatch::kit
