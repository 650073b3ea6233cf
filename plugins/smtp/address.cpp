#include "address.hpp"

#include <algorithm>

namespace smtp {

namespace {

/// RFC 5322 atext, and what is not ASCII (RFC 6531).
bool isAtext(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || byte >= 0x80 ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool isDotAtom(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos)
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || isAtext(c); });
}

bool isQuotedString(std::string_view text) {
  if (text.size() < 3 || text.front() != '"' || text.back() != '"') return false;
  const std::string_view inside = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const auto byte = static_cast<unsigned char>(inside[i]);
    if (byte < 0x20 || byte == 0x7F || inside[i] == '"') return false;
    if (inside[i] == '\\' && (++i == inside.size() || static_cast<unsigned char>(inside[i]) < 0x20))
      return false;
  }
  return true;
}

bool isDomain(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    const std::string_view literal = text.substr(1, text.size() - 2);
    return std::all_of(literal.begin(), literal.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
             c == ':' || c == '-';
    });
  }
  if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos)
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
  });
}

}  // namespace

bool isAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string domainOf(std::string_view address) {
  const auto at = address.rfind('@');
  return at == std::string_view::npos ? std::string() : std::string(address.substr(at + 1));
}

std::string addressFault(std::string_view address) {
  const auto at = address.rfind('@');
  if (at == std::string_view::npos) return "it has no \"@\"";
  if (address.size() > 254) return "it is longer than 254 characters";
  if (at > 64) return "the part before \"@\" is longer than 64 characters";
  const std::string_view local = address.substr(0, at);
  if (!isDotAtom(local) && !isQuotedString(local))
    return "the part before \"@\" is not allowed in an address";
  if (!isDomain(address.substr(at + 1))) return "the part after \"@\" is not a domain";
  return {};
}

}  // namespace smtp
