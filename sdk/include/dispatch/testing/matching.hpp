#pragma once

#include <dispatch/testing/redact.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::testing {

/// In a recording "*" stands for any value of a header, a query parameter or a JSON member: for times and
/// random names.
constexpr std::string_view anyValue = "*";

/// A value for a sentence.
inline std::string shortly(const Json& value) {
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= 120 ? text : quoteLine(text, 120);
}

/// Where `found` is not what `recorded` says, as parts of a sentence: "title is 1, recorded is 2".
inline void compareJson(const Json& recorded, const Json& found, const std::string& where,
                        std::vector<std::string>& differences) {
  if (recorded == found || recorded == anyValue) return;
  const std::string place = where.empty() ? "the whole" : where;
  if (recorded.is_object() && found.is_object()) {
    for (const auto& member : recorded.items()) {
      const std::string inner = where.empty() ? member.key() : where + "." + member.key();
      if (found.contains(member.key()))
        compareJson(member.value(), found[member.key()], inner, differences);
      else
        differences.push_back(inner + " is missing, recorded is " + shortly(member.value()));
    }
    for (const auto& member : found.items())
      if (!recorded.contains(member.key()))
        differences.push_back((where.empty() ? member.key() : where + "." + member.key()) + " is " +
                              shortly(member.value()) + ", which the recording has not");
  } else if (recorded.is_array() && found.is_array() && recorded.size() == found.size()) {
    for (std::size_t i = 0; i < recorded.size(); ++i)
      compareJson(recorded[i], found[i], where + '[' + std::to_string(i) + ']', differences);
  } else {
    differences.push_back(place + " is " + shortly(found) + ", recorded is " + shortly(recorded));
  }
}

/// Headers that say nothing of what a plugin asks: framing, which the host does, and what browsers add.
inline bool isIncidental(std::string_view header) {
  const std::string name = lower(header);
  constexpr std::array<std::string_view, 18> names{"host",
                                                   "content-length",
                                                   "connection",
                                                   "keep-alive",
                                                   "transfer-encoding",
                                                   "accept-encoding",
                                                   "te",
                                                   "user-agent",
                                                   "accept-language",
                                                   "cache-control",
                                                   "pragma",
                                                   "origin",
                                                   "referer",
                                                   "dnt",
                                                   "priority",
                                                   "cookie",
                                                   "traceparent",
                                                   "upgrade-insecure-requests"};
  return name.starts_with("sec-") || std::find(names.begin(), names.end(), name) != names.end();
}

namespace matching {

using Named = std::multimap<std::string, std::string>;

inline void comparePairs(Named recorded, const Named& asked, const std::string& what,
                         std::vector<std::string>& differences) {
  std::vector<std::pair<std::string, std::string>> more;
  for (const auto& [name, value] : asked) {
    const auto [first, last] = recorded.equal_range(name);
    const auto found = std::find_if(first, last, [&, &wanted = value](const auto& one) {
      return one.second == wanted || one.second == anyValue;
    });
    if (found != last)
      recorded.erase(found);
    else
      more.emplace_back(name, value);
  }
  for (const auto& [name, value] : more) {
    const auto other = recorded.find(name);
    if (other == recorded.end()) {
      differences.push_back(what + name + " is " + shortly(value) + ", which the recording has not");
      continue;
    }
    differences.push_back(what + name + " is " + shortly(value) + ", recorded is " + shortly(other->second));
    recorded.erase(other);
  }
  for (const auto& [name, value] : recorded)
    differences.push_back(what + name + " is missing, recorded is " + shortly(value));
}

inline Named named(const std::vector<std::pair<std::string, std::string>>& pairs) {
  return {pairs.begin(), pairs.end()};
}
inline Named counted(const HttpCall& call) {
  Named headers;
  for (const auto& [name, value] : call.headers)
    if (!isIncidental(name)) headers.emplace(lower(name), value);
  return headers;
}
inline Named queryOf(const std::string& url) {
  const auto at = url.find('?');
  return at == std::string::npos ? Named() : named(readPairs(std::string_view(url).substr(at + 1)));
}

inline void compareBodies(const HttpCall& recorded, const HttpCall& asked,
                          std::vector<std::string>& differences) {
  if (recorded.body == asked.body) return;
  if (recorded.header("Content-Type").find("x-www-form-urlencoded") != std::string::npos) {
    comparePairs(named(readPairs(recorded.body)), named(readPairs(asked.body)), "the form's ", differences);
    return;
  }
  const Json was = Json::parse(recorded.body, nullptr, false), is = Json::parse(asked.body, nullptr, false);
  if (!was.is_discarded() && !is.is_discarded()) {
    std::vector<std::string> inside;
    compareJson(was, is, "", inside);
    for (const std::string& one : inside) differences.push_back("in the body " + one);
    return;
  }
  differences.push_back("the body is " + shortly(asked.body) + ", recorded is " + shortly(recorded.body));
}

}  // namespace matching

inline std::string addressOf(const HttpCall& call) { return call.url.substr(0, call.url.find('?')); }

/// How a request differs from a recorded one, as parts of a sentence; empty: it is the same. Secrets are
/// compared by their place, not by value. What counts: method, address, query parameters (in any order),
/// headers but for those that are incidental, and the body - JSON and forms by what they say.
inline std::vector<std::string> differences(HttpCall recorded, HttpCall asked) {
  Redaction redaction;
  redaction.takeOut(recorded);
  redaction.takeOut(asked);
  std::vector<std::string> found;
  if (recorded.method != asked.method)
    found.push_back("the method is " + asked.method + ", recorded is " + recorded.method);
  if (addressOf(recorded) != addressOf(asked))
    found.push_back("the address is " + addressOf(asked) + ", recorded is " + addressOf(recorded));
  matching::comparePairs(matching::queryOf(recorded.url), matching::queryOf(asked.url), "the parameter ",
                         found);
  matching::comparePairs(matching::counted(recorded), matching::counted(asked), "the header ", found);
  matching::compareBodies(recorded, asked, found);
  return found;
}

}  // namespace dispatch::testing
