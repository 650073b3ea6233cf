#include "http/head.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace dispatch::http {
namespace {

using Table = std::array<bool, 256>;

/// token characters, RFC 9110 5.6.2
constexpr Table tokenTable = [] {
  Table table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

/// field-content and blanks, RFC 9110 5.5; bytes from 0x80 on are obs-text
constexpr Table valueTable = [] {
  Table table{};
  table['\t'] = true;
  for (int c = 0x20; c < 256; ++c) table[c] = c != 0x7f;
  return table;
}();

/// what an authority may hold: registered name, IPv4, [IPv6], port; no user information
constexpr Table hostTable = [] {
  Table table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = true;
  for (const char c :
       {'-', '.', '_', '~', '%', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=', ':', '[', ']'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool all(std::string_view text, const Table& table) {
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) { return table[c]; });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <typename Visit>
void eachListItem(std::string_view list, Visit visit) {
  while (true) {
    const auto comma = list.find(',');
    if (const auto item = trim(list.substr(0, comma)); !item.empty()) visit(item);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

Refusal bad(std::string message) { return {400, std::move(message)}; }

Refusal readTarget(Head& head) {
  std::string_view target = head.target;
  const bool printable =
      std::all_of(target.begin(), target.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (target.empty() || !printable || target.find('#') != std::string_view::npos)
    return bad("request line: the target must be a path of printable ASCII without a fragment");
  if (head.method == "CONNECT") return {501, "CONNECT: this server is no proxy"};
  if (target.front() == '/') return {};
  if (target == "*")
    return head.method == "OPTIONS" ? Refusal() : bad("request line: the target \"*\" is for OPTIONS only");
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equalsIgnoreCase(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const auto slash = target.find_first_of("/?");
    head.host = target.substr(0, slash);
    if (head.host.empty() || !all(head.host, hostTable))
      return bad("request line: the target's authority is malformed");
    if (slash != std::string_view::npos && target[slash] == '?')
      return bad("request line: the target needs a path, at least \"/\"");
    head.target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    return {};
  }
  return bad("request line: the target must start with \"/\"");
}

Refusal readRequestLine(Head& head, std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad("request line: expected method, target and version, parted by one space each");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (head.method.empty() || head.method.size() > 32 || !all(head.method, tokenTable))
    return bad("request line: the method is malformed");
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) || version[6] != '.' ||
      !digit(version[7]))
    return bad("request line: the version is malformed; expected HTTP/1.1");
  if (version[5] != '1') return {505, "this server speaks HTTP/1.1 and HTTP/1.0"};
  head.http11 = version[7] != '0';
  return readTarget(head);
}

/// What the framing and connection fields say, gathered while the fields are read.
struct Gathered {
  unsigned hosts = 0, lengths = 0, encodings = 0;
  bool close = false, keep = false;
  std::string_view encoding;
};

Refusal readLength(Head& head, std::string_view value) {
  const bool digits =
      !value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return bad("Content-Length: expected one decimal number");
  if (value.size() > 18) return {413, "Content-Length: the body is larger than anything this server takes"};
  std::uint64_t length = 0;
  for (const char c : value) length = length * 10 + static_cast<std::uint64_t>(c - '0');
  head.contentLength = length;
  return {};
}

Refusal readField(Head& head, Gathered& seen, const Field& field) {
  switch (field.name.size()) {
    case 4:
      if (equalsIgnoreCase(field.name, "host")) {
        if (++seen.hosts > 1) return bad("Host: given more than once");
        if (!all(field.value, hostTable)) return bad("Host: malformed");
        if (head.host.empty()) head.host = field.value;
      }
      break;
    case 6:
      if (equalsIgnoreCase(field.name, "expect")) {
        if (!equalsIgnoreCase(field.value, "100-continue"))
          return {417, "Expect: only 100-continue is known"};
        head.expectContinue = true;
      }
      break;
    case 10:
      if (equalsIgnoreCase(field.name, "connection"))
        eachListItem(field.value, [&](std::string_view item) {
          seen.close |= equalsIgnoreCase(item, "close");
          seen.keep |= equalsIgnoreCase(item, "keep-alive");
        });
      break;
    case 14:
      if (equalsIgnoreCase(field.name, "content-length")) {
        if (++seen.lengths > 1) return bad("Content-Length: given more than once");
        return readLength(head, field.value);
      }
      break;
    case 17:
      if (equalsIgnoreCase(field.name, "transfer-encoding")) {
        if (++seen.encodings > 1) return bad("Transfer-Encoding: given more than once");
        seen.encoding = field.value;
      }
      break;
    default:
      break;
  }
  return {};
}

Refusal readFraming(Head& head, const Gathered& seen) {
  if (head.http11 && seen.hosts == 0) return bad("Host: missing; HTTP/1.1 requires it");
  head.keepAlive = !seen.close && (head.http11 || seen.keep);
  if (!head.http11) head.expectContinue = false;
  if (seen.encodings == 0) return {};
  if (seen.lengths > 0) return bad("Content-Length and Transfer-Encoding exclude each other");
  if (!head.http11) return bad("Transfer-Encoding: not part of HTTP/1.0");
  unsigned items = 0, chunked = 0;
  bool last = false;
  eachListItem(seen.encoding, [&](std::string_view item) {
    ++items;
    last = equalsIgnoreCase(item, "chunked");
    chunked += last ? 1 : 0;
  });
  if (!last || chunked > 1) return bad("Transfer-Encoding: must end with chunked, once");
  if (items > 1) return {501, "Transfer-Encoding: only chunked is known"};
  head.chunked = true;
  return {};
}

}  // namespace

bool equalsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return x == y || ((x | 0x20) == (y | 0x20) && (x | 0x20) >= 'a' && (x | 0x20) <= 'z');
         });
}

Refusal parseHead(Head& head, const HeadLimits& limits) {
  head.fields.clear();
  head.contentLength.reset();
  head.host = {};
  head.http11 = head.keepAlive = true;
  head.chunked = head.expectContinue = false;

  std::string_view rest = head.bytes;
  Gathered seen;
  for (bool first = true;; first = false) {
    const auto newline = rest.find('\n');
    if (newline == std::string_view::npos || newline == 0 || rest[newline - 1] != '\r')
      return bad("head: every line must end with CR LF");
    const std::string_view line = rest.substr(0, newline - 1);
    rest.remove_prefix(newline + 1);
    if (line.empty()) break;
    if (first) {
      if (auto refusal = readRequestLine(head, line)) return refusal;
      continue;
    }
    if (line.front() == ' ' || line.front() == '\t') return bad("head: folded field lines are not accepted");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || !all(line.substr(0, colon), tokenTable))
      return bad("head: a field name is malformed");
    const Field field{line.substr(0, colon), trim(line.substr(colon + 1))};
    if (!all(field.value, valueTable)) return bad("head: a field value holds control characters");
    if (head.fields.size() == limits.fields)
      return {431, "head: more than " + std::to_string(limits.fields) + " fields"};
    head.fields.push_back(field);
    if (auto refusal = readField(head, seen, field)) return refusal;
  }
  if (head.method.empty()) return bad("request line: missing");
  return readFraming(head, seen);
}

HeadScanner::Result HeadScanner::scan(std::string_view buffer, const HeadLimits& limits, Refusal& refusal) {
  const auto refuse = [&](Refusal why) {
    refusal = std::move(why);
    return Result::refused;
  };
  while (true) {
    if (!_requestLine && _line < buffer.size()) {
      const auto c = static_cast<unsigned char>(buffer[_line]);
      if (c != '\r' && c != '\n' && !tokenTable[c])
        return refuse(bad(c == 0x16 ? "this address speaks plain HTTP, not TLS"
                                    : "request line: the method is malformed"));
    }
    const auto newline = buffer.find('\n', std::max(_seen, _line));
    if (newline == std::string_view::npos) {
      _seen = buffer.size();
      if (buffer.size() - _begin <= limits.bytes) return Result::incomplete;
      const std::string most = std::to_string(limits.bytes) + " bytes";
      return refuse(_requestLine ? Refusal{431, "head: larger than " + most}
                                 : Refusal{414, "request line: longer than " + most});
    }
    if (newline == _line || buffer[newline - 1] != '\r')
      return refuse(bad("head: every line must end with CR LF"));
    const bool empty = newline - 1 == _line;
    _line = _seen = newline + 1;
    if (_line - _begin > limits.bytes)
      return refuse({431, "head: larger than " + std::to_string(limits.bytes) + " bytes"});
    if (!empty) {
      _requestLine = true;
    } else if (_requestLine) {
      _end = _line;
      return Result::complete;
    } else {
      _begin = _line;
      if (_begin > 8) return refuse(bad("head: too many empty lines before the request"));
    }
  }
}

}  // namespace dispatch::http
