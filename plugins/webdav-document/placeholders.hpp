#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace webdav {

/// How a text is read, which decides what may not stand in a value: it comes from whoever reports.
enum class Markup {
  none,      ///< as it is
  markdown,  ///< no HTML and no images, which a reader would load unasked; links and emphasis stay
  html       ///< and XML: text only, in elements and in attributes
};

/// By the extension of the path or, where that says nothing, the media type of the answer.
Markup markupOf(std::string_view path, std::string_view contentType);

/// `value` for a document. Whatever it holds, none of it is a placeholder the next time.
std::string escaped(std::string_view value, Markup markup);

struct Filled {
  std::string text;
  std::int64_t replaced = 0;  ///< places
};

/// Replaces {{name}} and {{ name }} where the name is known; others stay, for a later update. Read once from
/// begin to end: what was put in is not looked at.
Filled fill(std::string_view text, const std::map<std::string, std::string>& values, Markup markup);

/// How many {{…}} there are, known or not.
std::int64_t countPlaceholders(std::string_view text);

/// Why this is no text that can be filled in, as the end of a sentence; empty: it can.
std::string faultOfText(std::string_view bytes);

}  // namespace webdav
