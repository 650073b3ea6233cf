#pragma once

#include "api/api.hpp"
#include "auth/auth.hpp"
#include "cli/installation.hpp"
#include "flow/flow.hpp"
#include "incident/incident.hpp"

#include <memory>

namespace dispatch::cli {

/// Everything the server is made of above plugins and database, put together; nothing runs yet. The
/// installation outlives it.
class Rooms {
 public:
  explicit Rooms(Installation& installation);

  auth::Sessions& sessions() { return *_sessions; }
  flow::Engine& engine() { return *_engine; }
  incident::Incidents& incidents() { return *_incidents; }
  api::Api& api() { return *_api; }

 private:
  std::unique_ptr<auth::Sessions> _sessions;
  std::unique_ptr<auth::BearerTokens> _tokens;
  std::unique_ptr<auth::Login> _login;
  std::unique_ptr<flow::Engine> _engine;
  std::unique_ptr<incident::Incidents> _incidents;
  std::unique_ptr<api::Api> _api;
};

}  // namespace dispatch::cli
