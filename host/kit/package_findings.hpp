#pragma once

#include "kit/bench.hpp"
#include "kit/report.hpp"

#include <map>
#include <string>
#include <vector>

namespace dispatch::kit {

/// A package as the server's own checks see it.
struct ExaminedPackage {
  std::vector<Finding> findings;
  plugin::Manifest manifest;
  std::map<std::string, std::string> bytes;  ///< of its files, as they were checked
  bool runnable = false;                     ///< what is left to find out needs its code to run

  /// What was checked, without the signature.
  void writeTo(const std::string& directory) const;
};

/// Runs plugin::packageChecks(). A package that is not signed, or by a key that is not known here, is no
/// failure unless `requireSignature`: an author checks before signing. Known are the server's keys, the
/// author's development key, and `publicKeys` (files of minisign, or their second lines). Throws Problem
/// where the directory cannot be read.
ExaminedPackage examinePackage(const Equipment& equipment, const std::string& directory,
                               bool requireSignature, const std::vector<std::string>& publicKeys);

}  // namespace dispatch::kit
