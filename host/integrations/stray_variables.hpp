#pragma once

#include "config/config.hpp"
#include "plugin/plugin.hpp"

#include <string>
#include <vector>

namespace dispatch::integrations {

/// A sentence for each DISPATCH_PLUGIN_<ID>_<FIELD> variable that no plugin takes: most likely misspelt, with
/// the name that was meant. Nothing is said of plugins whose settings are not known here.
std::vector<std::string> strayVariables(const plugin::Catalog& catalog, const config::Settings& settings);

}  // namespace dispatch::integrations
