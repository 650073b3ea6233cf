#pragma once

#include "cli/installation.hpp"

namespace dispatch::cli {

/// Says in the log which plugins were at work when the server's process crashed since its last start, and
/// what to do about it. For the start of the server alone: what it has told is not told again. Loads nothing,
/// so that it can be said before the same plugin crashes once more.
void reportCrashes(const Installation& installation);

/// "took the server's process down by signal 11 (Segmentation fault) at …" where this package did so within
/// the last day and lives there still; "" otherwise.
std::string recentCrash(const Installation& installation, const plugin::Installed& package);

}  // namespace dispatch::cli
