#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dispatch {

/// RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
bool isUtf8(std::string_view text) noexcept;

/// How many characters (code points, as JSON Schema's maxLength counts them) well-formed UTF-8 has.
std::size_t characters(std::string_view text) noexcept;

/// `text` with U+FFFD in the place of what is no UTF-8: for what others wrote and is kept or shown as text.
std::string repairedUtf8(std::string_view text);

}  // namespace dispatch
