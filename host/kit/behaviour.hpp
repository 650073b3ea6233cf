#pragma once

#include "kit/bench.hpp"
#include "kit/report.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::kit {

/// What is checked.
struct Subject {
  const Equipment& equipment;
  std::string searchPath;  ///< holds a copy of the package, <id>, without its signature
  plugin::Manifest manifest;
  Json configuration = Json::object();  ///< valid; secrets as text

  std::string libraryPath() const { return searchPath + '/' + manifest.id + '/' + manifest.library; }
};

/// One promise of a plugin, and how it is tried.
struct BehaviourCheck {
  std::string_view name;
  std::string_view promise;  ///< what holds of a plugin that passes: one sentence
  /// Where it is tried: in each home; in a worker; in both, compared; or straight at its table, past the
  /// host.
  enum class Where { eachHome, worker, compared, table } where;
  /// `home` is "process" or "worker". A Problem is a failure.
  Verdict (*run)(const Subject& subject, const std::string& home);
};
/// In the order in which they are run; none relies on another.
const std::vector<BehaviourCheck>& behaviourChecks();

struct CheckOptions {
  std::string home = "both";  ///< "process", "worker" or "both"
  bool requireSignature = false;
  std::vector<std::string>
      publicKeys;      ///< of minisign: files or their second lines; trusted besides the server's keys
  Json configuration;  ///< null: the smallest that the schema allows
  std::chrono::seconds limit{30};                  ///< of one check
  std::vector<std::string> only;                   ///< names of checks; empty: all
  std::function<void(const Finding&)> heard = {};  ///< told of each finding as it comes
};

/// Every check of the package in `directory`: those of the server (plugin::packageChecks), then, if they left
/// something to run, behaviourChecks() over a copy of the bytes that were checked, each in a process of its
/// own. Throws Problem where the directory cannot be read, or a name in `only` is none.
Report checkPlugin(const Equipment& equipment, const std::string& directory, const CheckOptions& options);

}  // namespace dispatch::kit
