#pragma once

#include "plugin/package/package_checks.hpp"

#include <string>
#include <vector>

namespace dispatch::plugin {

/// Where the command puts packages: <directory>/<id>@<version>, several versions side by side.
class PackageStore {
 public:
  explicit PackageStore(std::string directory) : _directory(std::move(directory)) {}

  const std::string& directory() const { return _directory; }
  std::string directoryOf(const std::string& id, const std::string& version) const;

  /// Writes the bytes that were checked, not those that lie there now. Whole or not at all: they appear under
  /// their name once every one of them is on the disk. Answers the package's directory. Throws
  /// Problem(conflict) where this version is installed already, Problem(unavailable) where it cannot be
  /// written.
  std::string install(const PackageCandidate& candidate) const;

  /// Versions of a plugin that lie here, in the order of their names; sound or not.
  std::vector<std::string> versions(const std::string& id) const;

  /// Takes a package of this store away; at once, as far as anybody who looks for packages sees. Throws
  /// Problem(invalid) for a directory that is none of this store's.
  void remove(const std::string& packageDirectory) const;

 private:
  std::string _directory;
};

}  // namespace dispatch::plugin
