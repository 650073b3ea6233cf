#pragma once

#include "kit/bench.hpp"

#include <string>
#include <vector>

namespace dispatch::kit {

struct ProjectOptions {
  std::string type, id;
  std::string directory;         ///< "" = ./<id>
  std::string language = "c++";  ///< or "c"
};

/// Types that there are templates for, in the order of their names. Throws Problem where there are none.
std::vector<std::string> projectTypes(const Equipment& equipment, const std::string& language);

/// Makes a project of the templates (share/dispatch/templates) that builds, tests and passes the checks as it
/// is. Answers
/// {"directory", "files"}. Throws Problem: an unknown type with what was probably meant, a type that has a
/// contract but no template with what to start from, an id that breaks the rule with the rule, an id of the
/// product's own, a directory that is there; then nothing is written.
Json makeProject(const Equipment& equipment, const ProjectOptions& options);

}  // namespace dispatch::kit
