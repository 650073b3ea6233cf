#include "placeholders.hpp"

#include "../webdav-common/path.hpp"

#include <dispatch/sdk/text.hpp>

#include <optional>

namespace webdav {

namespace {

constexpr std::size_t maxName = 200;  // bytes between the braces

struct Found {
  std::size_t begin = 0, end = 0;
  std::string name;
};

/// The next {{…}} on one line, without a brace inside.
std::optional<Found> next(std::string_view text, std::size_t from) {
  for (auto begin = text.find("{{", from); begin != std::string_view::npos;
       begin = text.find("{{", begin + 1)) {
    const auto end = text.find_first_of("{}\n", begin + 2);
    if (end == std::string_view::npos) return std::nullopt;
    if (text.substr(end, 2) != "}}" || end - begin > maxName + 2) continue;
    return Found{begin, end + 2, std::string(dispatch::trim(text.substr(begin + 2, end - begin - 2)))};
  }
  return std::nullopt;
}

std::string_view entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    case '{':
      return "&#123;";
    default:
      return {};
  }
}

}  // namespace

Markup markupOf(std::string_view path, std::string_view contentType) {
  const std::string extension = extensionOf(path);
  for (const char* known : {".md", ".markdown"})
    if (extension == known) return Markup::markdown;
  for (const char* known : {".html", ".htm", ".xhtml", ".xml", ".svg"})
    if (extension == known) return Markup::html;
  if (extension == ".txt") return Markup::none;
  const std::string type = dispatch::lower(contentType.substr(0, contentType.find(';')));
  if (type.find("markdown") != std::string::npos) return Markup::markdown;
  return type.find("html") != std::string::npos || type.find("xml") != std::string::npos ? Markup::html
                                                                                         : Markup::none;
}

std::string escaped(std::string_view value, Markup markup) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (markup == Markup::html && !entity(c).empty()) {
      out += entity(c);
    } else if (markup == Markup::markdown && c == '<') {
      out += "&lt;";
    } else if (markup == Markup::markdown && value.substr(i, 2) == "![") {
      out += "!\\[";
      ++i;
    } else if (value.substr(i, 2) == "{{") {
      // CommonMark section 2.4 shows an escaped brace as a brace; plain text has no such means.
      out += markup == Markup::markdown ? "{\\" : "{ ";
    } else {
      out += c;
    }
  }
  return out;
}

Filled fill(std::string_view text, const std::map<std::string, std::string>& values, Markup markup) {
  Filled out;
  std::size_t done = 0;
  for (auto found = next(text, 0); found; found = next(text, found->end)) {
    const auto value = values.find(found->name);
    if (value == values.end()) continue;
    out.text.append(text.substr(done, found->begin - done)).append(escaped(value->second, markup));
    done = found->end;
    ++out.replaced;
  }
  out.text.append(text.substr(done));
  return out;
}

std::int64_t countPlaceholders(std::string_view text) {
  std::int64_t count = 0;
  for (auto found = next(text, 0); found; found = next(text, found->end)) ++count;
  return count;
}

std::string faultOfText(std::string_view bytes) {
  if (bytes.find('\0') != std::string_view::npos) return "holds bytes of zero";
  for (std::size_t i = 0; i < bytes.size();) {
    // RFC 3629 section 4: the table of well-formed sequences.
    const auto lead = static_cast<unsigned char>(bytes[i]);
    const std::size_t more = lead < 0x80                    ? 0U
                             : lead >= 0xC2 && lead <= 0xDF ? 1U
                             : lead >= 0xE0 && lead <= 0xEF ? 2U
                             : lead >= 0xF0 && lead <= 0xF4 ? 3U
                                                            : 4U;
    if (more == 4 || bytes.size() - i <= more) return "is not in UTF-8";
    for (std::size_t j = 1; j <= more; ++j) {
      const auto byte = static_cast<unsigned char>(bytes[i + j]);
      const unsigned low = j > 1 ? 0x80U : lead == 0xE0 ? 0xA0U : lead == 0xF0 ? 0x90U : 0x80U;
      const unsigned high = j > 1 ? 0xBFU : lead == 0xED ? 0x9FU : lead == 0xF4 ? 0x8FU : 0xBFU;
      if (byte < low || byte > high) return "is not in UTF-8";
    }
    i += more + 1;
  }
  return {};
}

}  // namespace webdav
