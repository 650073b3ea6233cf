#pragma once

#include "kit/bench.hpp"

#include <string>
#include <vector>

namespace dispatch::kit {

/// One thing that is different in a new version of a package, as its operators will see it.
struct Change {
  enum class Kind {
    breaking,    ///< an operator has to do something, or loses something
    compatible,  ///< nobody has to do anything
    wrong        ///< it cannot be released so
  } kind;
  std::string what;  ///< "setting url", "method create", …
  std::string sentence;
};
std::string_view textOf(Change::Kind kind);

/// What `to` changes of a configuration schema; `where` is "" at the top.
std::vector<Change> compareSchemas(const Json& from, const Json& to, const std::string& where = "");
/// Everything that the manifests tell.
std::vector<Change> compareManifests(const plugin::Manifest& from, const plugin::Manifest& to);
/// By methods and effects: what Instance::methods() of both answered.
std::vector<Change> compareMethods(const std::vector<plugin::Instance::Method>& from,
                                   const std::vector<plugin::Instance::Method>& to);

/// Whether `to` is so much higher than `from` that changes that break are announced (Semantic
/// Versioning 2.0.0: the major version; below 1.0.0 the minor one).
bool announcesBreaking(const std::string& from, const std::string& to);

struct Difference {
  std::string from, to;  ///< "acme-jira 1.0.0"
  std::vector<Change> changes;
  bool announced = false;   ///< by its version
  bool releasable() const;  ///< nothing is wrong, and what breaks is announced
};
/// Between two package directories. Their methods are asked of the libraries, each in a worker of its own.
/// Throws Problem where one of them is no package.
Difference comparePackages(const Equipment& equipment, const std::string& from, const std::string& to);

}  // namespace dispatch::kit
