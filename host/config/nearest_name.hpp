#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::config {

/// The known name that `found` was most likely meant to be: one that it begins or ends, or within a third of
/// its length in insertions, deletions, replacements and swaps of neighbours. Case does not count.
std::optional<std::string> nearestName(std::string_view found, const std::vector<std::string>& known);

/// " - did you mean NAME?" or "".
std::string didYouMean(std::string_view found, const std::vector<std::string>& known);

}  // namespace dispatch::config
