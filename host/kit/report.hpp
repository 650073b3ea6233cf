#pragma once

#include "base/json.hpp"

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::kit {

/// How a check ended: one sentence for the author.
struct Verdict {
  enum class State { ok, failed, skipped };
  State state = State::ok;
  std::string sentence;  ///< what was found; failed: what was expected too, and how to fix it; skipped: why

  static Verdict ok(std::string sentence) { return {State::ok, std::move(sentence)}; }
  static Verdict failed(std::string sentence) { return {State::failed, std::move(sentence)}; }
  static Verdict skipped(std::string sentence) { return {State::skipped, std::move(sentence)}; }
};
std::string_view textOf(Verdict::State state);  ///< "ok", "failed", "skipped"

/// One line of a report.
struct Finding {
  std::string check, promise;
  std::string home;  ///< "process", "worker", "both", or "" where nothing of the plugin runs
  Verdict verdict;
  double milliseconds = 0;
};

/// What was found of a package.
struct Report {
  std::string path, id, version;
  std::vector<Finding> findings;
  /// The last sentence of a report where nothing failed, and where something did.
  std::string good = "The package keeps to what the server expects.",
              bad = "The package is not ready: see what failed above.";

  std::size_t count(Verdict::State state) const;
  bool passed() const { return count(Verdict::State::failed) == 0; }
};

/// A table, and under it the failures in full and a summary.
void printReport(std::ostream& out, const Report& report);
Json toJson(const Report& report);
/// JUnit XML as CI servers read it: a test case per check and home.
std::string toJUnit(const Report& report);
/// SARIF 2.1.0 (OASIS): a rule per check, a result per finding.
Json toSarif(const Report& report);

/// What a plugin or a file may have written, fit for a screen and for XML: control characters become spaces,
/// and what is no UTF-8 U+FFFD.
std::string printable(const std::string& text);

/// Rows as a table whose last column may be of any width, each cell printable().
void printRows(std::ostream& out, const std::vector<std::string>& headings,
               const std::vector<std::vector<std::string>>& rows);

}  // namespace dispatch::kit
