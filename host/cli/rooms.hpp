#pragma once

#include "api/api.hpp"
#include "auth/auth.hpp"
#include "cli/installation.hpp"
#include "flow/flow.hpp"
#include "incident/incident.hpp"
#include "source/source.hpp"
#include "webhook/webhook.hpp"

#include <memory>

namespace dispatch::cli {

/// Everything the server is made of above plugins and database, put together; nothing runs yet. The
/// installation outlives it.
class Rooms {
 public:
  explicit Rooms(Installation& installation);
  ~Rooms();

  auth::Sessions& sessions() { return *_sessions; }
  flow::Engine& engine() { return *_engine; }
  incident::Incidents& incidents() { return *_incidents; }
  webhook::Inbox& inbox() { return *_inbox; }
  source::Poller& poller() { return *_poller; }
  api::Api& api() { return *_api; }

 private:
  Installation& _installation;
  std::unique_ptr<auth::Sessions> _sessions;
  std::unique_ptr<auth::BearerTokens> _tokens;
  std::unique_ptr<auth::Login> _login;
  std::unique_ptr<flow::Engine> _engine;
  std::unique_ptr<incident::Incidents> _incidents;
  std::unique_ptr<webhook::Inbox> _inbox;
  std::unique_ptr<source::Poller> _poller;
  std::unique_ptr<api::Api> _api;
};

}  // namespace dispatch::cli
