#include "description.hpp"

#include <dispatch/sdk/text.hpp>

#include <vector>

namespace xmpp {

namespace {

constexpr std::string_view bar = " | ";
constexpr std::size_t maxText = 2000, maxTitle = 100;

struct Description {
  std::string text;
  std::vector<std::pair<std::string, std::string>> bookmarks;  ///< title, address

  explicit Description(std::string_view from) {
    while (!from.empty()) {
      const auto end = from.find(bar);
      const std::string_view one = from.substr(0, end);
      from = end == std::string_view::npos ? std::string_view() : from.substr(end + bar.size());
      const auto space = one.rfind(": ");
      const std::string_view link =
          space == std::string_view::npos ? std::string_view() : one.substr(space + 2);
      const bool address =
          (link.starts_with("https://") || link.starts_with("http://") || link.starts_with("xmpp:")) &&
          link.find(' ') == std::string_view::npos;
      if (address)
        bookmarks.emplace_back(one.substr(0, space), link);
      else
        text += (text.empty() ? "" : std::string(bar)) + std::string(one);
    }
  }
  std::string line() const {
    std::string out = text;
    for (const auto& [title, link] : bookmarks)
      out += (out.empty() ? "" : std::string(bar)) + title + ": " + link;
    return out;
  }
};

}  // namespace

std::string withText(std::string_view description, std::string_view text) {
  Description now(description);
  now.text = dispatch::quoteLine(text, maxText);
  return now.line();
}

std::string withBookmark(std::string_view description, std::string_view title, std::string_view weblink) {
  Description now(description);
  const std::string name = dispatch::quoteLine(title, maxTitle);
  for (auto& [title_, link] : now.bookmarks)
    if (link == weblink) {
      title_ = name;
      return now.line();
    }
  now.bookmarks.emplace_back(name, weblink);
  return now.line();
}

std::string cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
  return std::string(text.substr(0, limit)) + "...";
}

}  // namespace xmpp
