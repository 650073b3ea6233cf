#include "api/routes/routes_of.hpp"

namespace dispatch::api {

namespace {

/// What a person needs to be told until somebody can administer the organization.
void tellMissingAdmin(const Rooms& rooms, std::int64_t organizationId, const std::string& slug,
                      const std::string& email, Json& answer) {
  const bool missing = rooms.context.accounts.lacksAdmin(organizationId);
  answer["admin_missing"] = missing;
  answer["admin_command"] = missing ? "dispatch user update --role Admin --organization " + slug + " " +
                                          (email.empty() ? "EMAIL" : email)
                                    : "";
}

Json projectsOf(const Rooms& rooms, std::int64_t userId, std::int64_t organizationId) {
  auto session = rooms.context.database.session();
  Json projects = Json::array();
  std::vector<std::int64_t> ids;
  const auto memberships = session->query(
      "SELECT user_project.project_id AS id, user_project.role AS role, user_project.is_default AS "
      "is_default FROM user_project"
      " JOIN project ON project.id = user_project.project_id WHERE user_id = ? AND project.organization_id = "
      "? ORDER BY project.id",
      {userId, organizationId});
  for (const auto& row : memberships) ids.push_back(row.integer("id"));
  auto rows = readRows(*session, rooms.resources, rooms.resources.get("Project"), organizationId, ids);
  for (std::size_t i = 0; i < rows.size() && i < memberships.size(); ++i)
    projects.push_back({{"project", std::move(rows[i])},
                        {"default", memberships[i].boolean("is_default")},
                        {"role", memberships[i].text("role")}});
  return projects;
}

auth::Attempt attemptOf(const Request& request, std::string action) {
  auth::Attempt attempt;
  attempt.action = std::move(action);
  attempt.organizationSlug = request.organizationSlug;
  attempt.fields = request.body;
  attempt.address = request.address;
  attempt.userAgent = request.header("User-Agent");
  attempt.baseUrl = request.baseUrl;
  attempt.providerId = request.body.is_object() ? textOr(request.body, "provider") : "";
  return attempt;
}

Reply admit(const Rooms& rooms, const Request& request, const auth::Admission& admission) {
  Json body{{"token", rooms.context.tokens.issue(admission.userId, admission.email)},
            {"projects", projectsOf(rooms, admission.userId, request.organizationId)}};
  tellMissingAdmin(rooms, request.organizationId, request.organizationSlug, admission.email, body);
  Reply reply = Reply::json(std::move(body));
  // A script that wants only the token sends no Sec-Fetch-Site; a browser does, and gets its session.
  if (request.secure || !request.header("Sec-Fetch-Site").empty()) {
    const auto started =
        rooms.context.sessions.start(admission.userId, request.header("User-Agent"), request.address);
    reply.headers.emplace_back(
        "Set-Cookie",
        sessionCookie(request, started.token, rooms.context.settings.integer("DISPATCH_SESSION_SECONDS")));
  }
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

void requireForm(const Request& request) {
  if (!request.body.is_object())
    throw Problem(Problem::Kind::invalid, "The body must be a JSON object with email and password", {"body"});
}

Json settingsOf(store::Database& database, std::int64_t userId, const Json& change) {
  Json answer;
  database.transact([&](store::Session& session) {
    auto row =
        session.one("SELECT id, auto_add_to_incident_bridges FROM user_settings WHERE user_id = ?", {userId});
    if (!row) {
      session.insert("user_settings", {{"user_id", userId},
                                       {"auto_add_to_incident_bridges", true},
                                       {"created_at", nowText()},
                                       {"updated_at", nowText()}});
      row = session.one("SELECT id, auto_add_to_incident_bridges FROM user_settings WHERE user_id = ?",
                        {userId});
    }
    bool bridges = row->boolean("auto_add_to_incident_bridges");
    if (change.is_object() && change.contains("auto_add_to_incident_bridges")) {
      if (!change["auto_add_to_incident_bridges"].is_boolean())
        throw Problem(Problem::Kind::invalid, "auto_add_to_incident_bridges must be true or false",
                      {"body", "auto_add_to_incident_bridges"});
      bridges = change["auto_add_to_incident_bridges"].get<bool>();
      session.update("user_settings", row->integer("id"), {{"auto_add_to_incident_bridges", bridges}});
    }
    answer = {
        {"id", row->integer("id")}, {"dispatch_user_id", userId}, {"auto_add_to_incident_bridges", bridges}};
  });
  return answer;
}

}  // namespace

std::string sessionCookie(const Request& request, const std::string& token, std::int64_t maxAgeSeconds) {
  if (!request.secure)
    throw Problem(Problem::Kind::forbidden,
                  "This page came over plain HTTP from another machine, where a browser drops the session "
                  "cookie. Open Dispatch "
                  "over https (see docs/operators.md, TLS) or on 127.0.0.1.");
  return std::string(sessionCookieName) + "=" + token +
         "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=" + std::to_string(maxAgeSeconds);
}

std::string requiredText(const Json& body, std::string_view name) {
  auto text = body.is_object() ? textOr(body, name) : "";
  if (text.empty())
    throw Problem(Problem::Kind::invalid, std::string(name) + " is required", {"body", std::string(name)})
        .withType("missing");
  return text;
}

void addAuthRoutes(Router& router, const Rooms& rooms) {
  const auto open = Access::everyone();
  const auto member = Access::atLeast(auth::Role::member, "own account");
  router.add({"GET", "/{organization}/auth/providers", open, "How one can log in here", "auth",
              [rooms](Request& request) {
                Json answer{{"providers", rooms.context.login.describe()},
                            {"registration_enabled",
                             rooms.context.settings.boolean("DISPATCH_AUTH_REGISTRATION_ENABLED")}};
                tellMissingAdmin(rooms, request.organizationId, request.organizationSlug, "", answer);
                // Asked only while it can be: the list grows with the organization.
                answer["nobody_registered"] = answer["admin_missing"] == true &&
                                              rooms.context.accounts.list(request.organizationSlug).empty();
                return Reply::json(std::move(answer));
              },
              nullptr, reference("AuthProviders")});
  router.add({"POST", "/{organization}/auth/login", open, "Log in", "auth",
              [rooms](Request& request) {
                requireForm(request);
                return admit(rooms, request, rooms.context.login.attempt(attemptOf(request, "login")));
              },
              Json{{"type", "object"}}, reference("Admission")});
  router.add({"POST", "/{organization}/auth/link", open, "Log in by a link that an operator made", "auth",
              [rooms](Request& request) {
                auth::LoginLinks links(rooms.context.database);
                return admit(rooms, request,
                             links.redeem(requiredText(request.body, "token"), request.organizationId,
                                          request.address));
              },
              Json{{"type", "object"},
                   {"properties", {{"token", {{"type", "string"}}}}},
                   {"required", Json::array({"token"})}},
              reference("Admission")});
  if (rooms.context.settings.boolean("DISPATCH_AUTH_REGISTRATION_ENABLED"))
    router.add({"POST", "/{organization}/auth/register", open, "Register and log in", "auth",
                [rooms](Request& request) {
                  requireForm(request);
                  return admit(rooms, request, rooms.context.login.attempt(attemptOf(request, "register")));
                },
                Json{{"type", "object"}}, reference("Admission")});
  router.add(
      {"POST", "/{organization}/auth/logout", open, "End this session", "auth", [rooms](Request& request) {
         Poco::Net::NameValueCollection cookies;
         request.raw.getCookies(cookies);
         if (cookies.has(sessionCookieName)) rooms.context.sessions.end(cookies.get(sessionCookieName));
         Reply reply = Reply::json(nullptr);
         if (request.secure) reply.headers.emplace_back("Set-Cookie", sessionCookie(request, "", 0));
         reply.headers.emplace_back("Clear-Site-Data", "\"cache\", \"storage\"");
         return reply;
       }});
  router.add(
      {"GET", "/{organization}/auth/session", member, "Who is logged in, and the CSRF token of the session",
       "auth",
       [rooms](Request& request) {
         Json answer{{"email", request.who.email},
                     {"user_id", request.who.userId},
                     {"role", std::string(toText(request.who.role))},
                     {"organization", {{"id", request.organizationId}, {"slug", request.organizationSlug}}},
                     {"csrf_token", request.who.csrfToken},
                     {"projects", projectsOf(rooms, request.who.userId, request.organizationId)},
                     {"version", rooms.context.version}};
         tellMissingAdmin(rooms, request.organizationId, request.organizationSlug, request.who.email, answer);
         Reply reply = Reply::json(std::move(answer));
         reply.headers.emplace_back("Cache-Control", "no-store");
         return reply;
       },
       nullptr, reference("Session")});
  router.add({"GET", "/{organization}/auth/me", member, "The user", "auth",
              [rooms](Request& request) {
                auto session = rooms.context.database.session();
                auto users = readRows(*session, rooms.resources, rooms.resources.get("DispatchUser"),
                                      request.organizationId, {request.who.userId});
                users.at(0)["role"] = nullptr;  // the contract's; the role is at /auth/myrole
                session.reset();
                users.at(0)["settings"] = settingsOf(rooms.context.database, request.who.userId, nullptr);
                return Reply::json(std::move(users.at(0)));
              },
              nullptr, reference("DispatchUserRead")});
  router.add({"GET", "/{organization}/auth/myrole", member, "The user's role in the organization", "auth",
              [](Request& request) { return Reply::json(std::string(toText(request.who.role))); }, nullptr,
              Json{{"type", "string"}}});
  for (const char* method : {"GET", "PUT"})
    router.add({method, "/{organization}/auth/me/settings", member, "The user's settings", "auth",
                [rooms](Request& request) {
                  return Reply::json(settingsOf(rooms.context.database, request.who.userId, request.body));
                },
                nullptr, reference("UserSettings")});
  router.add({"POST", "/{organization}/auth/change-password", member,
              "Change one's own password; ends one's other sessions", "auth", [rooms](Request& request) {
                requireForm(request);
                auto attempt = attemptOf(request, "change_password");
                attempt.subject = request.who.email;
                attempt.sessionId = request.who.sessionId;
                rooms.context.login.attempt(attempt);
                return Reply::json(nullptr);
              }});
}

}  // namespace dispatch::api
