#include "auth/sessions.hpp"

#include "auth/generation.hpp"
#include "auth/membership.hpp"
#include "auth/principal_cache.hpp"
#include "base/base.hpp"

#include <Poco/Logger.h>

namespace dispatch::auth {

namespace {

struct Seen {
  Instant lastSeen, expires;
};

Instant instantOf(const store::Row& row, std::string_view column) {
  return parseInstant(row.text(column)).value_or(Instant());
}

}  // namespace

struct Sessions::State {
  store::Database& database;
  std::chrono::seconds idle, absolute;
  PrincipalCache<Seen> cache;
  store::EventBus::Subscription following;
};

Sessions::Sessions(store::Database& database, std::chrono::seconds idle, std::chrono::seconds absolute)
    : _state(new State{database, idle, absolute, {}, followAccess(database)}) {}

Sessions::Started Sessions::start(std::int64_t userId, const std::string& userAgent,
                                  const std::string& address) {
  Started started{randomToken(), randomToken()};
  const auto moment = now();
  _state->database.transact([&](store::Session& session) {
    session.insert("session", {{"token_hash", digestHex(started.token)},
                               {"user_id", userId},
                               {"csrf_token", started.csrfToken},
                               {"created_at", dispatch::toText(moment)},
                               {"last_seen_at", dispatch::toText(moment)},
                               {"expires_at", dispatch::toText(moment + _state->absolute)},
                               {"user_agent", userAgent.substr(0, 512)},
                               {"address", address.substr(0, 64)}});
  });
  return started;
}

std::optional<Principal> Sessions::find(std::string_view token, std::string_view organizationSlug) {
  const std::string hash = digestHex(token);
  const std::string key = hash + "/" + std::string(organizationSlug);
  const auto moment = now();
  const auto before = generation();
  Principal principal;
  Seen seen;
  if (const auto known = _state->cache.find(key)) {
    principal = known->principal;
    seen = known->extra;
  } else {
    const auto session = _state->database.session();
    const auto row = session->one(
        "SELECT session.id AS id, session.user_id AS user_id, csrf_token, last_seen_at, expires_at, email, "
        "is_active"
        " FROM session JOIN dispatch_user ON dispatch_user.id = session.user_id WHERE token_hash = ?",
        {hash});
    if (!row || !row->boolean("is_active")) return std::nullopt;
    principal.sessionId = row->integer("id");
    principal.userId = row->integer("user_id");
    principal.email = row->text("email");
    principal.csrfToken = row->text("csrf_token");
    seen = {instantOf(*row, "last_seen_at"), instantOf(*row, "expires_at")};
    if (moment < seen.expires && moment < seen.lastSeen + _state->idle) {
      fillMembership(*session, principal, organizationSlug);
      _state->cache.put(key, principal, seen, before);
    }
  }
  if (moment >= seen.expires || moment >= seen.lastSeen + _state->idle) return std::nullopt;
  if (moment >= seen.lastSeen + std::chrono::minutes(1)) {
    _state->cache.touch(key, [&](Seen& extra) { extra.lastSeen = moment; });
    try {
      _state->database.session()->execute("UPDATE session SET last_seen_at = ? WHERE id = ?",
                                          {dispatch::toText(moment), principal.sessionId});
    } catch (const Problem& problem) {
      // The request is as good as before; the next one tries again once the cache has let go of this moment.
      Poco::Logger::get("dispatch.auth")
          .warning("The last use of a session was not noted: %s", std::string(problem.what()));
    }
  }
  return principal;
}

void Sessions::end(std::string_view token) {
  _state->database.transact([&](store::Session& session) {
    const auto row = session.one("SELECT id, user_id FROM session WHERE token_hash = ?", {digestHex(token)});
    if (!row) return;
    session.execute("DELETE FROM session WHERE id = ?", {row->integer("id")});
    publishAccess(session, 0, "session", row->integer("user_id"));
  });
}

void Sessions::endAll(std::int64_t userId, std::int64_t exceptSessionId) {
  _state->database.transact([&](store::Session& session) {
    session.execute("DELETE FROM session WHERE user_id = ? AND id <> ?", {userId, exceptSessionId});
    session.execute("UPDATE dispatch_user SET sessions_ended_at = ? WHERE id = ?", {nowText(), userId});
    publishAccess(session, 0, "session", userId);
  });
}

}  // namespace dispatch::auth
