#pragma once

#include <span>
#include <string_view>

namespace basic {

/// Both in lower case, sorted, ASCII letters and digits only.
std::span<const std::string_view> commonRoots();
std::span<const std::string_view> commonPhrases();

}  // namespace basic
