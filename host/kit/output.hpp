#pragma once

#include "kit/report.hpp"

#include <string>
#include <vector>

namespace dispatch::kit {

/// JSON as files and the screen show it.
std::string pretty(const Json& value);

/// `what` "name" with what was probably meant, as a whole sentence: There is no check "nosuch".
std::string unknownName(const std::string& what, const std::string& name,
                        const std::vector<std::string>& known);

/// Settings as JSON; null for "". Throws Problem.
Json readConfiguration(const std::string& file);

/// The files that a report is written to besides the screen: "" = none, "-" = standard output, and then the
/// table is not.
struct ReportFiles {
  std::string json, junit, sarif;

  bool toScreen() const { return json != "-" && junit != "-" && sarif != "-"; }
  /// Throws Problem where write() could not keep them apart or make them: before the work, not after it.
  void needSound() const;
  void write(const Report& report) const;
};

/// Shows which check is under way, where somebody looks; nothing elsewhere.
void showProgress(const Finding& finding);
void endProgress();

}  // namespace dispatch::kit
