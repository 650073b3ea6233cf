#pragma once

#include <dispatch/sdk/services.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace dispatch {

/// The answer of a server, whatever its HTTP status.
struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  std::chrono::milliseconds retryAfter{0};  ///< 0: the server did not say

  bool ok() const noexcept { return status >= 200 && status <= 299; }
  std::string header(std::string_view name) const {
    const std::string wanted = lower(name);
    for (const auto& [key, value] : headers)
      if (key == wanted) return value;
    return {};
  }
  /// Throws Failure(UNAVAILABLE) if the body is not JSON: something between us and the server answered
  /// instead.
  Json json() const {
    Json value = Json::parse(body, nullptr, false);
    if (value.is_discarded())
      throw Failure::unavailable("The server answered with something that is not JSON: \"" +
                                 quoteLine(body, 120) + "\".");
    return value;
  }
};

/// A request being put together; send it once.
class HttpRequest {
 public:
  HttpRequest(Host host, std::string method, std::string url)
      : _host(host), _method(std::move(method)), _url(std::move(url)) {}

  HttpRequest& header(std::string name, Part value) {
    _headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  HttpRequest& body(std::string body, std::string contentType) {
    _body = std::move(body);
    return header("Content-Type", std::move(contentType));
  }
  HttpRequest& json(const Json& value) { return body(sdk::dump(value), "application/json"); }
  /// A body with secrets in it: these parts one after another.
  HttpRequest& bodyParts(std::vector<Part> parts, std::string contentType) {
    _parts = std::move(parts);
    return header("Content-Type", std::move(contentType));
  }
  HttpRequest& redirects(std::uint32_t most) {
    _redirects = most;
    return *this;
  }
  HttpRequest& limit(std::uint64_t bytes) {
    _limit = bytes;
    return *this;
  }

  /// Throws Failure where no response came; its status tells whether the request can have had an effect
  /// (service_http.h).
  HttpResponse send(const Call& call) const {
    const auto& table = _host.need<dispatch_http_1>(DISPATCH_HTTP_1);
    std::vector<dispatch_http_header> headers;
    std::vector<const dispatch_http_header*> headerPointers;
    for (const auto& [name, value] : _headers)
      headers.push_back({sizeof(dispatch_http_header), 0, str(name), value.use()});
    for (const auto& header : headers) headerPointers.push_back(&header);
    std::vector<dispatch_secret_use> parts;
    std::vector<const dispatch_secret_use*> partPointers;
    for (const auto& part : _parts) parts.push_back(part.use());
    for (const auto& part : parts) partPointers.push_back(&part);

    dispatch_http_request request{};
    request.struct_size = sizeof request;
    request.max_redirects = _redirects;
    request.method = str(_method);
    request.url = str(_url);
    request.headers = headerPointers.data();
    request.header_count = headerPointers.size();
    request.body = str(_body);
    request.body_parts = partPointers.data();
    request.body_part_count = partPointers.size();
    request.max_answer = _limit;

    dispatch_http_response response{};
    response.struct_size = sizeof response;
    sdk::serviceCheck(call, table.request(_host.raw(), call.raw(), &request, &response),
                      "The request to " + _url + " got no answer.");
    HttpResponse out;
    out.status = static_cast<int>(response.status);
    for (std::uint64_t i = 0; i < response.header_count; ++i)
      out.headers.emplace_back(view(response.header_names[i]), view(response.header_values[i]));
    out.body = std::string(view(response.body));
    out.retryAfter = std::chrono::milliseconds(response.retry_after_ms);
    return out;
  }

 private:
  Host _host;
  std::string _method, _url, _body;
  std::vector<std::pair<std::string, Part>> _headers;
  std::vector<Part> _parts;
  std::uint32_t _redirects = 0;
  std::uint64_t _limit = 0;
};

/// HTTP(S) to the destinations that plugin.json asks for and the operator granted. [call-thread]
class Http {
 public:
  explicit Http(Host host) : _host(host) {}
  HttpRequest get(std::string url) const { return {_host, "GET", std::move(url)}; }
  HttpRequest post(std::string url) const { return {_host, "POST", std::move(url)}; }
  HttpRequest put(std::string url) const { return {_host, "PUT", std::move(url)}; }
  HttpRequest patch(std::string url) const { return {_host, "PATCH", std::move(url)}; }
  HttpRequest remove(std::string url) const { return {_host, "DELETE", std::move(url)}; }
  HttpRequest request(std::string method, std::string url) const {
    return {_host, std::move(method), std::move(url)};
  }

 private:
  Host _host;
};

/// `text` percent-encoded for a path segment or a query value (RFC 3986: everything but unreserved).
inline std::string urlEncode(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += hex[byte >> 4U];
      out += hex[byte & 15U];
    }
  }
  return out;
}

}  // namespace dispatch
