#pragma once

#include "kit/replay.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace dispatch::kit {

struct RecordedCasesOptions {
  std::string recordings = "tests/recordings";  ///< a directory of *.har, or one such file
  std::string home = "both";                    ///< "process", "worker" or "both"
  bool faults = true;                           ///< each case again, with each exchange broken in each way
  Json configuration;                           ///< counts before the recorded settings; null: they alone
  std::chrono::seconds limit{30};               ///< of one run
  std::vector<std::string> only;                ///< names of cases (files without .har); empty: all
  std::function<void(const Finding&)> heard = {};
};

/// Runs the package in `directory` against recorded HTTP: a finding per case and home, and one per fault,
/// "<case>/<number of the exchange>/<fault>". Throws Problem where the package is not sound, there are no
/// recordings, or a name in `only` is none.
Report testRecordedCases(const Equipment& equipment, const std::string& directory,
                         const RecordedCasesOptions& options);

}  // namespace dispatch::kit
