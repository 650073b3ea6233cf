#include "plugin/package/package_store.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"
#include "plugin/package/atomic_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace dispatch::plugin {

namespace fs = std::filesystem;

std::string PackageStore::directoryOf(const std::string& id, const std::string& version) const {
  return _directory + '/' + id + '@' + version;
}

std::string PackageStore::install(const PackageCandidate& candidate) const {
  const auto& manifest = candidate.manifest;
  const auto target = directoryOf(manifest.id, manifest.version);
  makeDirectory(_directory, 0755);
  std::error_code ignored;
  if (fs::exists(target, ignored))
    throw Problem(
        Problem::Kind::conflict,
        "Version " + manifest.version + " of " + manifest.id + " is installed already, in " + target +
            ". A version is one package for ever: raise the version, or take the old one away with: "
            "dispatch plugins remove " +
            manifest.id + " --version " + manifest.version);
  // A name that begins with a dot is no package to the host.
  const auto incoming = _directory + "/.incoming-" + randomToken(9);
  try {
    makeDirectory(incoming, 0755);
    for (const auto& [name, bytes] : candidate.bytes) writeNewFile(incoming + '/' + name, bytes, 0644);
    synchroniseDirectory(incoming);
    if (::rename(incoming.c_str(), target.c_str()) != 0)
      throw Problem(Problem::Kind::unavailable,
                    target + " cannot be made: " + std::generic_category().message(errno) + '.');
  } catch (...) {
    fs::remove_all(incoming, ignored);
    throw;
  }
  synchroniseDirectory(_directory);
  return target;
}

std::vector<std::string> PackageStore::versions(const std::string& id) const {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator item(_directory, error), end; !error && item != end; item.increment(error))
    if (const auto name = item->path().filename().string(); name.starts_with(id + '@'))
      found.push_back(name.substr(id.size() + 1));
  std::sort(found.begin(), found.end());
  return found;
}

void PackageStore::remove(const std::string& packageDirectory) const {
  const fs::path path = fs::path(packageDirectory).lexically_normal();
  if (path.parent_path() != fs::path(_directory).lexically_normal() || path.filename().empty())
    throw Problem(
        Problem::Kind::invalid,
        packageDirectory + " was not put there by dispatch plugins install, which uses " + _directory +
            ". What came with the installation goes with it; take away by hand what you put there.");
  const auto gone = _directory + "/.removed-" + randomToken(9);
  if (::rename(packageDirectory.c_str(), gone.c_str()) != 0)
    throw Problem(Problem::Kind::unavailable, packageDirectory + " cannot be taken away: " +
                                                  std::generic_category().message(errno) + '.');
  synchroniseDirectory(_directory);
  std::error_code error;
  fs::remove_all(gone, error);
}

}  // namespace dispatch::plugin
