#include "api/request.hpp"

#include <Poco/StreamCopier.h>

#include <charconv>

namespace dispatch::api {

namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hexDigit(text[i + 1]) >= 0 &&
               hexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(hexDigit(text[i + 1]) * 16 + hexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::optional<std::int64_t> asInteger(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

int statusOf(Problem::Kind kind) {
  switch (kind) {
    case Problem::Kind::invalid:
      return 422;
    case Problem::Kind::badRequest:
      return 400;
    case Problem::Kind::unauthorized:
      return 401;
    case Problem::Kind::forbidden:
      return 403;
    case Problem::Kind::notFound:
      return 404;
    case Problem::Kind::conflict:
      return 409;
    case Problem::Kind::tooLarge:
      return 413;
    case Problem::Kind::tooMany:
      return 429;
    case Problem::Kind::unavailable:
      return 503;
    case Problem::Kind::internal:
      break;
  }
  return 500;
}

Json item(const Problem& problem) {
  Json json{{"msg", problem.what()}, {"type", problem.type()}};
  if (!problem.location().empty()) json["loc"] = problem.location();
  return json;
}

}  // namespace

Query::Query(std::string_view raw) {
  while (!raw.empty()) {
    const auto end = std::min(raw.find('&'), raw.size());
    const auto pair = raw.substr(0, end);
    raw.remove_prefix(std::min(end + 1, raw.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    _pairs.emplace_back(decoded(pair.substr(0, equals)),
                        equals < pair.size() ? decoded(pair.substr(equals + 1)) : std::string());
  }
}

std::optional<std::string> Query::get(std::string_view name) const {
  for (auto pair = _pairs.rbegin(); pair != _pairs.rend(); ++pair)
    if (pair->first == name) return pair->second;
  return std::nullopt;
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : _pairs)
    if (key == name || (key.size() == name.size() + 2 && key.starts_with(name) && key.ends_with("[]")))
      values.push_back(value);
  return values;
}

std::int64_t Query::integer(std::string_view name, std::int64_t fallback, std::int64_t least) const {
  const auto text = get(name);
  if (!text) return fallback;
  const auto value = asInteger(*text);
  if (!value || *value < least || *value > 2147483647)
    throw Problem(Problem::Kind::invalid,
                  std::string(name) + " must be a whole number of at least " + std::to_string(least) +
                      ", found \"" + *text + "\"",
                  {"query", std::string(name)})
        .withType("int_parsing");
  return *value;
}

bool Query::boolean(std::string_view name, bool fallback) const {
  const auto text = get(name);
  if (!text) return fallback;
  for (const char* yes : {"true", "1", "yes", "on", "t", "y"})
    if (*text == yes) return true;
  for (const char* no : {"false", "0", "no", "off", "f", "n"})
    if (*text == no) return false;
  throw Problem(Problem::Kind::invalid, std::string(name) + " must be true or false, found \"" + *text + "\"",
                {"query", std::string(name)})
      .withType("bool_parsing");
}

std::int64_t Request::id(std::string_view name) const {
  const auto found = path.find(name);
  const auto value = found == path.end() ? std::nullopt : asInteger(found->second);
  if (!value || *value <= 0 || *value >= 2147483647)
    throw Problem(Problem::Kind::invalid,
                  std::string(name) + " in the path must be a number from 1 to 2147483646, found \"" +
                      (found == path.end() ? "" : found->second) + "\"",
                  {"path", std::string(name)})
        .withType("int_parsing");
  return *value;
}

Reply refusal(const Problem& problem) {
  Json detail = Json::array({item(problem)});
  for (const auto& other : problem.others()) detail.push_back(item(other));
  Reply reply = Reply::json({{"detail", std::move(detail)}}, statusOf(problem.kind()));
  if (problem.retryAfterMs() > 0)
    reply.headers.emplace_back("Retry-After", std::to_string((problem.retryAfterMs() + 999) / 1000));
  return reply;
}

std::string wholeBody(Poco::Net::HTTPServerRequest& raw) {
  std::string text;
  auto& body = raw.stream();
  Poco::StreamCopier::copyToString(body, text);
  // The server below answers what it refused itself (413, 408); whoever has gone hears nothing.
  if (body.bad()) throw Problem(Problem::Kind::invalid, "The body of the request was cut off", {"body"});
  return text;
}

store::ListRequest listRequest(const Query& query) {
  store::ListRequest list;
  list.page = query.integer("page", 1, 1);
  list.itemsPerPage = query.integer("itemsPerPage", 5, -1);
  list.q = query.get("q").value_or("");
  if (const auto filter = query.get("filter"); filter && !filter->empty()) {
    try {
      list.filter = parseJson(*filter, "filter");
    } catch (const Problem& problem) {
      throw Problem(Problem::Kind::invalid, problem.what(), {"query", "filter"}).withType("json_invalid");
    }
  }
  const auto keys = query.all("sortBy");
  const auto descending = query.all("descending");
  for (std::size_t i = 0; i < keys.size() && i < descending.size(); ++i) {
    std::string key = keys[i];
    if (key.starts_with('{')) key = textOr(parseJson(key, "sortBy[]"), "key");  // Vuetify's own form
    if (!key.empty()) list.sort.emplace_back(key, descending[i] == "true" || descending[i] == "1");
  }
  return list;
}

}  // namespace dispatch::api
