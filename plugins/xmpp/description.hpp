#pragma once

#include <string>
#include <string_view>

namespace xmpp {

// A room's description is one line that clients show as it is: a text, then the bookmarks, e.g.
// "Checkout answers 503 | Ticket: https://tracker.example.com/OPS-7".

/// The same bookmarks behind another text.
std::string withText(std::string_view description, std::string_view text);
/// With this bookmark, instead of the one with the same address if there is one.
std::string withBookmark(std::string_view description, std::string_view title, std::string_view weblink);

/// At most `limit` bytes, whole characters, "..." where something is missing.
std::string cut(std::string_view text, std::size_t limit);

}  // namespace xmpp
