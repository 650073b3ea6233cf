#pragma once

#include "kit/report.hpp"

#include <string>

namespace dispatch::kit {

/// JSON as files and the screen show it.
std::string pretty(const Json& value);

/// Settings as JSON; null for "". Throws Problem.
Json readConfiguration(const std::string& file);

/// The files that a report is written to besides the screen: "" = none, "-" = standard output, and then the
/// table is not.
struct ReportFiles {
  std::string json, junit, sarif;

  bool toScreen() const { return json != "-" && junit != "-" && sarif != "-"; }
  void write(const Report& report) const;
};

/// Shows which check is under way, where somebody looks; nothing elsewhere.
void showProgress(const Finding& finding);
void endProgress();

}  // namespace dispatch::kit
