// What a handler gets and gives: one request in an organization by somebody, one JSON answer.
#pragma once

#include "auth/auth.hpp"
#include "base/base.hpp"
#include "store/store.hpp"

#include <Poco/Net/HTTPServerRequest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dispatch::api {

/// Query parameters in order, repeated keys kept, "+" and %XX decoded.
class Query {
 public:
  explicit Query(std::string_view raw = {});
  std::optional<std::string> get(std::string_view name) const;  ///< the last one
  std::vector<std::string> all(std::string_view name) const;    ///< `name` and `name[]`
  /// Throws Problem(invalid) with location {"query", name}.
  std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t least) const;
  bool boolean(std::string_view name, bool fallback) const;

 private:
  std::vector<std::pair<std::string, std::string>> _pairs;
};

struct Request {
  Poco::Net::HTTPServerRequest& raw;
  std::map<std::string, std::string, std::less<>> path;  ///< values of the pattern's {names}
  Query query;
  Json body;            ///< null for methods without one
  auth::Principal who;  ///< valid unless the route is open
  std::int64_t organizationId = 0;
  std::string organizationSlug;
  std::string address;  ///< of the client, behind trusted proxies
  std::string baseUrl;  ///< scheme://host[:port] as the browser sees it
  bool secure = false;  ///< TLS, or plain on loopback: a browser keeps cookies with Secure

  std::int64_t id(std::string_view name) const;  ///< path value as an id; Problem(invalid) at {"path", name}
  std::string header(const std::string& name) const { return raw.get(name, ""); }
};

struct Reply {
  int status = 200;
  Json body;         ///< `null` is answered as the four bytes
  std::string text;  ///< instead of body, with contentType
  std::string contentType = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;

  static Reply json(Json body, int status = 200) {
    Reply reply;
    reply.status = status;
    reply.body = std::move(body);
    return reply;
  }
};

/// {"detail": [{"msg", "loc", "type"}]} and the HTTP status of a Problem.
Reply refusal(const Problem& problem);

/// The body as it came. Throws Problem(invalid) for one that was cut off: it must not look like a short one.
std::string wholeBody(Poco::Net::HTTPServerRequest& raw);

/// The list parameters of the contract: page, itemsPerPage, q, filter, sortBy[], descending[].
store::ListRequest listRequest(const Query& query);

}  // namespace dispatch::api
