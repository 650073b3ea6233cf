#pragma once

#include <dispatch/sdk/http.hpp>
#include <dispatch/testing/http_call.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::testing {

using Json = nlohmann::json;

/// Stands in a recording where a secret was; the host's mark, too.
constexpr std::string_view secretMark = "[secret]";

/// Is this the name of a header, a JSON member, or a field of a form or query that holds something secret?
inline bool namesSecret(std::string_view name) {
  std::string plain;
  for (const char c : lower(name))
    if (c != '-' && c != '_') plain += c;
  // {"token_type": "Bearer"}, and what a login service says of itself (RFC 8414).
  for (const std::string_view end : {"type", "url", "uri", "endpoint", "supported", "expiresin", "expiresat"})
    if (plain.ends_with(end)) return false;
  constexpr std::array<std::string_view, 14> parts{
      "authorization", "cookie", "token",     "secret",    "password",  "passwd",     "apikey",
      "privatekey",    "sessid", "sessionid", "accesskey", "signature", "credential", "assertion"};
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return plain.find(part) != std::string::npos; });
}

/// A query or form as pairs in their order, percent-decoded ('+' is a space).
inline std::vector<std::pair<std::string, std::string>> readPairs(std::string_view text) {
  const auto decoded = [](std::string_view raw) {
    const auto digit = [](char c) {
      return c >= '0' && c <= '9'   ? c - '0'
             : c >= 'a' && c <= 'f' ? c - 'a' + 10
             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                    : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '%' && i + 2 < raw.size() && digit(raw[i + 1]) >= 0 && digit(raw[i + 2]) >= 0) {
        out += static_cast<char>(digit(raw[i + 1]) * 16 + digit(raw[i + 2]));
        i += 2;
      } else {
        out += raw[i] == '+' ? ' ' : raw[i];
      }
    }
    return out;
  };
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty()) {
    const auto piece = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), piece.size() + 1));
    if (piece.empty()) continue;
    const auto equals = piece.find('=');
    pairs.emplace_back(decoded(piece.substr(0, equals)),
                       equals == std::string_view::npos ? "" : decoded(piece.substr(equals + 1)));
  }
  return pairs;
}

inline std::string writePairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out.append(urlEncode(name)).append("=").append(value == secretMark ? value : urlEncode(value));
  }
  return out;
}

/// Takes secrets out of what goes into a recording, and learns on the way: a token that one answer gives is
/// taken out of every other text, too. The same rules stand before a comparison with a recording, so that a
/// request that holds a value and one that holds the mark are the same.
class Redaction {
 public:
  /// `value` is a secret wherever it stands, plain, as base64, in a URL or in JSON; and so is each word of
  /// it, and the password of HTTP Basic: a setting may hold "Bearer abc", and a server answer with "abc".
  /// Below 8 bytes it is not looked for: it would stand in ordinary text by chance.
  void know(const std::string& value) {
    if (value.size() < 8 || value == secretMark) return;
    for (std::size_t begin = 0; begin < value.size();) {
      const auto end = std::min(value.find_first_of(" \t\r\n", begin), value.size());
      const std::string word = value.substr(begin, end - begin);
      begin = end + 1;
      if (word.size() < value.size()) know(word);
    }
    if (lower(value).starts_with("basic "))
      if (const auto pair = base64Decode(trim(std::string_view(value).substr(6))))
        if (const auto colon = pair->find(':'); colon != std::string::npos) know(pair->substr(colon + 1));
    const std::string quoted = Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
    for (const std::string& form :
         {value, base64Encode(value), urlEncode(value), quoted.substr(1, quoted.size() - 2)})
      if (std::find(_known.begin(), _known.end(), form) == _known.end()) _known.push_back(form);
    std::stable_sort(_known.begin(), _known.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
  }

  /// What is secret by its place: learned, and replaced by the mark.
  void takeOut(HttpCall& call) {
    takeOut(call.headers);
    if (const auto at = call.url.find('?'); at != std::string::npos) {
      auto query = readPairs(std::string_view(call.url).substr(at + 1));
      if (takeOutPairs(query)) call.url = call.url.substr(0, at + 1) + writePairs(query);
    }
    takeOutBody(call.body, call.header("Content-Type"));
  }
  void takeOut(HttpAnswer& answer) {
    takeOut(answer.headers);
    takeOutBody(answer.body, "");
  }
  void takeOut(Json& value) {
    if (value.is_object())
      for (auto& member : value.items()) {
        if (namesSecret(member.key()))
          replaceIn(member.value());
        else
          takeOut(member.value());
      }
    if (value.is_array())
      for (auto& one : value) takeOut(one);
  }

  /// What is known, wherever it stands.
  std::string blot(std::string text) const {
    for (const std::string& known : _known)
      for (auto at = text.find(known); at != std::string::npos; at = text.find(known, at + secretMark.size()))
        text.replace(at, known.size(), secretMark);
    return text;
  }
  void blot(HttpCall& call) const {
    call.url = blot(std::move(call.url));
    call.body = blot(std::move(call.body));
    for (auto& header : call.headers) header.second = blot(std::move(header.second));
  }
  void blot(HttpAnswer& answer) const {
    answer.body = blot(std::move(answer.body));
    answer.message = blot(std::move(answer.message));
    for (auto& header : answer.headers) header.second = blot(std::move(header.second));
  }
  void blot(Json& value) const {
    if (value.is_string()) value = blot(value.get<std::string>());
    if (value.is_structured())
      for (auto& member : value) blot(member);
  }

 private:
  void replace(std::string& value) {
    know(value);
    if (!value.empty()) value = secretMark;
  }
  /// Every text in it: {"tokens": ["a", "b"]}.
  void replaceIn(Json& value) {
    if (value.is_string()) replace(value.get_ref<std::string&>());
    if (value.is_structured())
      for (auto& inner : value) replaceIn(inner);
  }
  bool takeOutPairs(std::vector<std::pair<std::string, std::string>>& pairs) {
    bool any = false;
    for (auto& [name, value] : pairs)
      if (namesSecret(name)) any = true, replace(value);
    return any;
  }
  void takeOut(std::vector<std::pair<std::string, std::string>>& headers) {
    for (auto& [name, value] : headers) {
      if (!namesSecret(name)) continue;
      const std::string kind = lower(name);
      if (kind.find("cookie") != std::string::npos) {
        // The names of cookies are no secret, and tell what a login needs.
        const auto equals = value.find('=');
        const auto end = value.find(';');
        if (equals != std::string::npos && equals < end) {
          know(value.substr(equals + 1, end == std::string::npos ? end : end - equals - 1));
          value = value.substr(0, equals + 1).append(secretMark);
          continue;
        }
      }
      const auto space = value.find(' ');
      if (kind.find("authorization") != std::string::npos && space != std::string::npos) {
        know(value.substr(space + 1));
        value = value.substr(0, space + 1).append(secretMark);
        continue;
      }
      replace(value);
    }
  }
  void takeOutBody(std::string& body, std::string_view contentType) {
    if (contentType.find("x-www-form-urlencoded") != std::string_view::npos) {
      auto form = readPairs(body);
      if (takeOutPairs(form)) body = writePairs(form);
      return;
    }
    Json value = Json::parse(body, nullptr, false);
    if (value.is_discarded()) return;
    const Json before = value;
    takeOut(value);
    if (value != before) body = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  std::vector<std::string> _known;  ///< every form of every known secret, longest first
};

}  // namespace dispatch::testing
