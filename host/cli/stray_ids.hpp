#pragma once

#include "config/config.hpp"

#include <string>
#include <vector>

namespace dispatch::cli {

/// A warning for each plugin that dispatch.yaml names under `isolation:`, `unsigned:`, `allow:` or
/// `commands:` and that is not installed: its line, and the id that was most likely meant. A rule for a
/// plugin that nobody has does nothing, and nobody hears of it otherwise. Looks at the packages' names only;
/// nothing is verified or loaded.
std::vector<std::string> strayIds(const config::Settings& settings);

}  // namespace dispatch::cli
