#include "cli/rooms.hpp"

#include "base/base.hpp"

namespace dispatch::cli {

Rooms::Rooms(Installation& installation) : _installation(installation) {
  const auto& settings = installation.settings();
  auto& database = installation.database();
  auto& integrations = installation.integrations();
  const auto seconds = [&](const char* name) { return std::chrono::seconds(settings.integer(name)); };
  _sessions = std::make_unique<auth::Sessions>(database, seconds("DISPATCH_SESSION_IDLE_SECONDS"),
                                               seconds("DISPATCH_SESSION_SECONDS"));
  _tokens =
      std::make_unique<auth::BearerTokens>(database, settings.secret("DISPATCH_JWT_SECRET"),
                                           settings.text("DISPATCH_JWT_ALG"), seconds("DISPATCH_JWT_EXP"));
  _login = std::make_unique<auth::Login>(database, integrations, installation.accounts(),
                                         settings.boolean("DISPATCH_AUTH_REGISTRATION_ENABLED"));
  flow::EngineOptions options;
  options.workers = static_cast<int>(settings.integer("DISPATCH_FLOW_WORKERS"));
  _engine = flow::Engine::open(database, integrations, options);
  _incidents = std::make_unique<incident::Incidents>(incident::Context{
      database, *_engine, integrations, settings.text("DISPATCH_UI_URL"), installation.models()});
  _incidents->defineFlows();
  installation.bindEvents(*_incidents);
  _inbox = std::make_unique<webhook::Inbox>(database, integrations, installation.envelope(), randomUuid());
  _poller = std::make_unique<source::Poller>(database, integrations, randomUuid());
  _api = std::make_unique<api::Api>(api::Context{database, settings, installation.catalog(), integrations,
                                                 installation.accounts(), *_sessions, *_tokens, *_login,
                                                 *_incidents, *_engine, *_inbox, *_poller, version()});
}

Rooms::~Rooms() { _installation.unbindEvents(); }

}  // namespace dispatch::cli
