#pragma once

#include <dispatch/testing/http_call.hpp>
#include <dispatch/testing/redact.hpp>

#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace dispatch::testing {

/// One request and what came back. Where nothing came back, `answer.failure` says what the host's service
/// answered.
struct RecordedExchange {
  HttpCall request;
  HttpAnswer answer;
  bool optional = false;  ///< entries[]._optional: the call may succeed although this exchange is broken
  bool reads = false;     ///< entries[]._read: it has no effect, although its method is not GET
  std::string startedAt = "1970-01-01T00:00:00Z";
  double milliseconds = 0;
};

/// The call of a plugin that made the exchanges: log._dispatch. Secrets in it stand as secretMark.
struct RecordedCall {
  std::string method;  ///< "": the file has exchanges alone, as a browser exports them
  Json input = Json::object(), configuration = Json::object();
  std::string idempotencyKey;
  Json expected;  ///< {"status", "answer"} or {"status", "message"}; null: nothing is compared
};

/// A HAR 1.2 file (http://www.softwareishard.com/blog/har-12-spec/). Members of ours begin with an
/// underscore, as the format asks.
struct Recording {
  std::string name;  ///< of the file, for sentences
  std::vector<RecordedExchange> exchanges;
  RecordedCall call;
};

/// What a status is called in log._dispatch and in a failed entry.
inline const std::vector<std::pair<dispatch_status, std::string>>& statusNames() {
  static const std::vector<std::pair<dispatch_status, std::string>> names{
      {DISPATCH_OK, "OK"},
      {DISPATCH_ERR_INVALID, "INVALID"},
      {DISPATCH_ERR_UNAVAILABLE, "UNAVAILABLE"},
      {DISPATCH_ERR_DENIED, "DENIED"},
      {DISPATCH_ERR_NOT_FOUND, "NOT_FOUND"},
      {DISPATCH_ERR_TIMEOUT, "TIMEOUT"},
      {DISPATCH_ERR_CANCELLED, "CANCELLED"},
      {DISPATCH_ERR_UNSUPPORTED, "UNSUPPORTED"},
      {DISPATCH_ERR_INTERNAL, "INTERNAL"},
      {DISPATCH_ERR_UNCERTAIN, "UNCERTAIN"},
      {DISPATCH_ERR_LIMIT, "LIMIT"}};
  return names;
}
inline std::string statusName(dispatch_status status) {
  for (const auto& [known, name] : statusNames())
    if (known == status) return name;
  return "an unknown status";
}

namespace har {

inline std::string textOr(const Json& object, const char* key, std::string fallback = {}) {
  if (!object.is_object()) return fallback;
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : fallback;
}
inline Json memberOr(const Json& object, const char* key, Json fallback) {
  if (!object.is_object()) return fallback;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? std::move(fallback) : *found;
}

inline std::vector<std::pair<std::string, std::string>> readHeaders(const Json& message) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const Json& header : memberOr(message, "headers", Json::array()))
    if (const std::string name = textOr(header, "name"); !name.empty() && name.front() != ':')
      headers.emplace_back(name, textOr(header, "value"));
  return headers;
}

inline Json writeHeaders(const std::vector<std::pair<std::string, std::string>>& headers) {
  Json out = Json::array();
  for (const auto& [name, value] : headers) out.push_back({{"name", name}, {"value", value}});
  return out;
}

/// `text`, or its bytes where `encoding` is "base64".
inline std::string readBody(const std::string& text, const std::string& encoding, const std::string& where) {
  if (encoding.empty()) return text;
  const auto bytes = encoding == "base64" ? base64Decode(text) : std::nullopt;
  if (!bytes)
    throw std::runtime_error(where + " has a body whose encoding \"" + encoding +
                             "\" cannot be read; expected is none, or base64 with a text that is base64.");
  return *bytes;
}

inline bool isUtf8(const std::string& text) {
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

inline void writeBody(Json& to, const std::string& body, const char* encodingMember) {
  const bool plain = isUtf8(body);
  to["text"] = plain ? body : base64Encode(body);
  if (!plain) to[encodingMember] = "base64";
}

inline RecordedExchange readEntry(const Json& entry, const std::string& where) {
  RecordedExchange exchange;
  const Json request = memberOr(entry, "request", Json()), response = memberOr(entry, "response", Json());
  exchange.request.method = textOr(request, "method");
  exchange.request.url = textOr(request, "url");
  if (exchange.request.method.empty() || exchange.request.url.find("://") == std::string::npos)
    throw std::runtime_error(where + " has no request with \"method\" and an absolute \"url\".");
  exchange.request.url = exchange.request.url.substr(0, exchange.request.url.find('#'));
  exchange.request.headers = readHeaders(request);
  const Json posted = memberOr(request, "postData", Json::object());
  exchange.request.body = readBody(textOr(posted, "text"), textOr(posted, "_encoding"), where);
  if (exchange.request.body.empty()) {
    std::vector<std::pair<std::string, std::string>> form;
    for (const Json& one : memberOr(posted, "params", Json::array()))
      form.emplace_back(textOr(one, "name"), textOr(one, "value"));
    exchange.request.body = writePairs(form);
  }
  const Json status = memberOr(response, "status", Json());
  if (!status.is_number_integer())
    throw std::runtime_error(where + " has no response with a \"status\" (a number; 0 where none came).");
  exchange.answer.status = status.get<int>();
  if (exchange.answer.status < 100 || exchange.answer.status > 599) {
    // As browsers write a request that got no answer.
    const std::string name = textOr(response, "_failure", "UNAVAILABLE");
    exchange.answer =
        HttpAnswer::failed(DISPATCH_ERR_UNAVAILABLE, textOr(response, "_error", "No answer came."));
    for (const auto& [known, called] : statusNames())
      if (called == name && known != DISPATCH_OK) exchange.answer.failure = known;
  } else {
    const Json content = memberOr(response, "content", Json::object());
    exchange.answer.body = readBody(textOr(content, "text"), textOr(content, "encoding"), where);
    for (auto& header : readHeaders(response)) {
      const std::string name = lower(header.first);
      // The body of a HAR file is decoded already.
      if (name == "content-encoding" || name == "content-length" || name == "transfer-encoding") continue;
      if (name == "retry-after" && !header.second.empty() && header.second.size() < 6 &&
          header.second.find_first_not_of("0123456789") == std::string::npos)
        exchange.answer.retryAfter = std::chrono::seconds(std::stoi(header.second));
      exchange.answer.headers.push_back(std::move(header));
    }
  }
  exchange.optional = memberOr(entry, "_optional", false) == true;
  exchange.reads = memberOr(entry, "_read", false) == true;
  exchange.startedAt = textOr(entry, "startedDateTime", exchange.startedAt);
  const Json time = memberOr(entry, "time", 0);
  exchange.milliseconds = time.is_number() ? time.get<double>() : 0;
  return exchange;
}

inline Json writeEntry(const RecordedExchange& exchange) {
  const auto& [call, answer] =
      std::pair<const HttpCall&, const HttpAnswer&>(exchange.request, exchange.answer);
  Json query = Json::array();
  if (const auto at = call.url.find('?'); at != std::string::npos)
    for (const auto& [name, value] : readPairs(std::string_view(call.url).substr(at + 1)))
      query.push_back({{"name", name}, {"value", value}});
  Json request{{"method", call.method},
               {"url", call.url},
               {"httpVersion", "HTTP/1.1"},
               {"cookies", Json::array()},
               {"headers", writeHeaders(call.headers)},
               {"queryString", query},
               {"headersSize", -1},
               {"bodySize", call.body.size()}};
  if (!call.body.empty()) {
    request["postData"] = {{"mimeType", call.header("Content-Type")}};
    writeBody(request["postData"], call.body, "_encoding");
  }
  const HttpCall headersOf{"", "", answer.headers, ""};
  Json content{{"size", answer.body.size()}, {"mimeType", headersOf.header("Content-Type")}};
  if (!answer.body.empty()) writeBody(content, answer.body, "encoding");
  Json response{{"status", answer.failure == DISPATCH_OK ? answer.status : 0},
                {"statusText", ""},
                {"httpVersion", "HTTP/1.1"},
                {"cookies", Json::array()},
                {"headers", writeHeaders(answer.headers)},
                {"content", content},
                {"redirectURL", headersOf.header("Location")},
                {"headersSize", -1},
                {"bodySize", answer.body.size()}};
  if (answer.failure != DISPATCH_OK) {
    response["_error"] = answer.message;
    response["_failure"] = statusName(answer.failure);
  }
  Json entry{{"startedDateTime", exchange.startedAt},
             {"time", exchange.milliseconds},
             {"request", request},
             {"response", response},
             {"cache", Json::object()},
             {"timings", {{"send", 0}, {"wait", exchange.milliseconds}, {"receive", 0}}}};
  if (exchange.optional) entry["_optional"] = true;
  if (exchange.reads) entry["_read"] = true;
  return entry;
}

}  // namespace har

/// Throws std::runtime_error with what was expected where.
inline Recording parseHar(std::string_view text, const std::string& name) {
  const Json file = Json::parse(text, nullptr, false);
  const Json log = har::memberOr(file, "log", Json());
  const Json entries = har::memberOr(log, "entries", Json());
  if (!entries.is_array())
    throw std::runtime_error(
        name + (file.is_discarded() ? " is not JSON" : " has no log.entries") +
        "; expected is a HAR 1.2 file, as `dispatch-plugin record` and browsers write it.");
  Recording recording;
  recording.name = name;
  for (const Json& entry : entries)
    recording.exchanges.push_back(
        har::readEntry(entry, name + ", entry " + std::to_string(recording.exchanges.size() + 1) + ","));
  const Json call = har::memberOr(log, "_dispatch", Json::object());
  recording.call.method = har::textOr(call, "method");
  recording.call.input = har::memberOr(call, "input", Json::object());
  recording.call.configuration = har::memberOr(call, "configuration", Json::object());
  recording.call.idempotencyKey = har::textOr(call, "idempotency_key");
  recording.call.expected = har::memberOr(call, "expected", Json());
  return recording;
}

inline Recording readHar(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("The recording " + path + " cannot be read.");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return parseHar(text, path.substr(path.rfind('/') + 1));
}

/// `creator`: name and version of the program that writes the file.
inline Json toHar(const Recording& recording, const std::pair<std::string, std::string>& creator) {
  Json entries = Json::array();
  for (const RecordedExchange& exchange : recording.exchanges) entries.push_back(har::writeEntry(exchange));
  Json log{{"version", "1.2"},
           {"creator", {{"name", creator.first}, {"version", creator.second}}},
           {"entries", entries}};
  const RecordedCall& call = recording.call;
  if (!call.method.empty())
    log["_dispatch"] = {{"method", call.method},
                        {"input", call.input},
                        {"configuration", call.configuration},
                        {"idempotency_key", call.idempotencyKey},
                        {"expected", call.expected}};
  return {{"log", log}};
}

}  // namespace dispatch::testing
