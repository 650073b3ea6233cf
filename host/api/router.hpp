#pragma once

#include "api/request.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::api {

/// Who may call a route, decided before its handler runs. Membership of the path's organization always comes
/// first.
struct Access {
  bool open = false;                     ///< anybody, logged in or not
  auth::Role role = auth::Role::member;  ///< else at least this
  std::string rule;  ///< what the handler checks beyond it, in words, for the permission matrix

  static Access everyone() { return {true, auth::Role::member, ""}; }
  static Access atLeast(auth::Role role, std::string rule = "") { return {false, role, std::move(rule)}; }
};

struct Route {
  std::string method;   ///< "GET"
  std::string pattern;  ///< after /api/v1: "/{organization}/incidents/{incident_id}"
  Access access;
  std::string summary;
  std::string tag;
  std::function<Reply(Request&)> handler;
  Json requestSchema = nullptr;     ///< or null: no body
  Json responseSchema = nullptr;    ///< or null: answers null
  Json parameters = Json::array();  ///< OpenAPI parameter objects beyond the path's
  bool raw = false;  ///< any method, and anything below the pattern; the handler reads the body as it came
  bool eventStream = false;  ///< the answer is the organization's event stream; no handler
};

/// The table of routes. Filled at start, then only read. [any-thread]
class Router {
 public:
  void add(Route route);

  struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string, std::less<>> values;
    bool pathKnown = false;  ///< true without a route: another method is served there (405)
  };
  /// `path` without /api/v1. Literal segments win over {names}.
  Match find(std::string_view method, std::string_view path) const;

  const std::vector<Route>& routes() const { return _routes; }

 private:
  std::vector<Route> _routes;
  std::vector<std::vector<std::string>> _segments;
};

}  // namespace dispatch::api
