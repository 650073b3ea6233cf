#include "jid.hpp"

#include <dispatch/sdk/text.hpp>

namespace xmpp {

namespace {

constexpr std::size_t maxPart = 1023;

bool holdsControl(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  return false;
}

}  // namespace

std::optional<Jid> Jid::parse(std::string_view text) {
  Jid out;
  const auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    out.resource = std::string(text.substr(slash + 1));
    if (out.resource.empty()) return std::nullopt;
  }
  const std::string_view bare = text.substr(0, slash);
  const auto at = bare.find('@');
  if (at != std::string_view::npos) {
    out.local = dispatch::lower(bare.substr(0, at));
    if (out.local.empty()) return std::nullopt;
  }
  out.domain = dispatch::lower(at == std::string_view::npos ? bare : bare.substr(at + 1));
  const bool good = !out.domain.empty() && out.domain.find_first_of(" \"&'<>@\\") == std::string::npos &&
                    out.local.find_first_of(" \"&'/:<>@") == std::string::npos;
  const bool sized =
      out.local.size() <= maxPart && out.domain.size() <= maxPart && out.resource.size() <= maxPart;
  if (!good || !sized || holdsControl(text)) return std::nullopt;
  return out;
}

std::string bareOf(std::string_view jid) { return dispatch::lower(jid.substr(0, jid.find('/'))); }

std::string resourceOf(std::string_view jid) {
  const auto slash = jid.find('/');
  return slash == std::string_view::npos ? "" : std::string(jid.substr(slash + 1));
}

std::string escapeLocal(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool special = std::string_view(" \"&'/:<>@").find(text[i]) != std::string_view::npos;
    // A backslash only where it would be read as the beginning of an escape.
    const bool ambiguous =
        text[i] == '\\' && i + 2 < text.size() && dispatch::hexDecode(text.substr(i + 1, 2)).has_value();
    if (special || ambiguous)
      out += {'\\', hex[byte >> 4U], hex[byte & 15U]};
    else
      out += text[i];
  }
  return out;
}

std::string roomLocal(std::string_view name) {
  constexpr std::size_t most = 100;
  std::string out;
  for (const char c : dispatch::lower(name)) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (kept)
      out += c;
    else if (!out.empty() && out.back() != '-')
      out += '-';
    if (out.size() == most) break;
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "incident" : out;
}

}  // namespace xmpp
