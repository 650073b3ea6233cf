// The HTTP API under /api/v1, the event stream, health checks, and the web UI's files: everything a browser
// or a script sees.
#pragma once

#include "auth/auth.hpp"
#include "config/config.hpp"
#include "flow/flow.hpp"
#include "http/http.hpp"
#include "incident/incident.hpp"
#include "integrations/integrations.hpp"
#include "plugin/plugin.hpp"
#include "source/source.hpp"
#include "store/store.hpp"
#include "webhook/webhook.hpp"

#include <Poco/Net/HTTPRequestHandlerFactory.h>

#include <memory>
#include <string>

namespace dispatch::api {

/// What the API stands on; all of it outlives the Api.
struct Context {
  store::Database& database;
  const config::Settings& settings;
  plugin::Catalog& catalog;
  integrations::Integrations& integrations;
  auth::Accounts& accounts;
  auth::Sessions& sessions;
  auth::BearerTokens& tokens;
  auth::Login& login;
  incident::Incidents& incidents;
  flow::Engine& engine;
  webhook::Inbox& inbox;
  source::Poller& poller;
  std::string version;
};

/// What the filter grammar may see of every described resource: also for search filters outside of the API.
store::Models describeModels(plugin::Catalog& catalog, integrations::Integrations& integrations);

/// How large a body may be: what anybody may send to a plugin has a limit of its own.
std::uint64_t bodyLimit(std::string_view path, std::uint64_t otherwise);
/// `path` without the token of a plugin's address: who reads a log must not be able to send.
std::string loggable(std::string_view path);

class Api {
 public:
  explicit Api(Context context);
  ~Api();

  /// For http::Server. Handlers live as long as this object.
  Poco::Net::HTTPRequestHandlerFactory::Ptr handlers();
  /// From now on committed events reach the open pages, and /metrics counts what this server does, which
  /// outlives that. Before stop of the server: disconnect().
  void connect(http::Server& server);
  void disconnect();

  Json openApi() const;
  /// [{method, path, access, rule}], sorted: `dispatch server routes` and the permission matrix.
  Json routes() const;

 private:
  struct State;
  std::unique_ptr<State> _state;
};

}  // namespace dispatch::api
