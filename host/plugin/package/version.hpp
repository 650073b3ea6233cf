#pragma once

#include <compare>
#include <string_view>

namespace dispatch::plugin {

/// Semantic Versioning 2.0.0, section 11: which of two versions comes first. A pre-release is lower than its
/// release ("1.0.0-rc.2" < "1.0.0"), its parts are compared as numbers where both are; what follows a + does
/// not count. Parts that are missing count as 0, text as lower than any version: nothing is refused here.
std::weak_ordering compareVersions(std::string_view left, std::string_view right);

}  // namespace dispatch::plugin
