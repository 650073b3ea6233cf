#include "api/resource/routes.hpp"
#include "api/routes/routes_of.hpp"

namespace dispatch::api {

namespace {

auth::Role requestedRole(const Json& body) {
  const auto text = textOr(body, "role", "Member");
  const auto role = auth::parseRole(text);
  if (!role)
    throw Problem(Problem::Kind::invalid,
                  "role must be one of Member, Admin, Manager, Owner, found \"" + text + "\"",
                  {"body", "role"})
        .withType("enum");
  return *role;
}

std::string emailOf(store::Session& session, const Request& request, std::int64_t userId) {
  const auto row = session.one(
      "SELECT email FROM dispatch_user JOIN user_organization ON user_organization.user_id = dispatch_user.id"
      " WHERE dispatch_user.id = ? AND organization_id = ?",
      {userId, request.organizationId});
  if (!row)
    throw Problem(Problem::Kind::notFound,
                  "No user with id " + std::to_string(userId) + " belongs to this organization");
  return row->text("email");
}

}  // namespace

void addUserRoutes(Router& router, const Rooms& rooms) {
  const Resource& resource = rooms.resources.get("DispatchUser");
  const auto answer = [rooms, &resource](Request& request, std::int64_t id) {
    return Reply::json(readOne(*rooms.context.database.session(), rooms.resources, resource, request, id));
  };
  router.add({"POST", "/{organization}/users", Access::atLeast(auth::Role::owner),
              "Create a user of the organization", "users", [rooms, answer](Request& request) {
                const auto email = requiredText(request.body, "email");
                const auto password = requiredText(request.body, "password");
                auth::Passwords::checkPolicy(password, email);
                return answer(request, rooms.context.accounts.create(email, password, request.organizationId,
                                                                     requestedRole(request.body)));
              }});
  router.add(
      {"PUT", "/{organization}/users/{dispatch_user_id}",
       Access::atLeast(auth::Role::member,
                       "own features; another's role: Admins and above, never above one's own"),
       "Change a user", "users", [rooms, answer](Request& request) {
         const auto id = request.id("dispatch_user_id");
         const auto email = emailOf(*rooms.context.database.session(), request, id);
         if (request.body.is_object() && request.body.contains("role") && !request.body["role"].is_null()) {
           const auto role = requestedRole(request.body);
           const auto before = rooms.context.database.session()->one(
               "SELECT role FROM user_organization WHERE user_id = ? AND organization_id = ?",
               {id, request.organizationId});
           const auto held = auth::parseRole(before->text("role")).value_or(auth::Role::member);
           if (held != role) {
             if (!request.who.atLeast(auth::Role::admin))
               throw Problem(Problem::Kind::forbidden, "Only Admins, Managers and Owners give roles");
             if (role > request.who.role || held > request.who.role)
               throw Problem(Problem::Kind::forbidden,
                             "You are " + std::string(toText(request.who.role)) +
                                 ": you can neither give a role above your own nor change who holds one");
             rooms.context.accounts.setRole(email, request.organizationSlug, role);
           }
         }
         if (request.body.is_object() && request.body.contains("experimental_features") &&
             request.body["experimental_features"].is_boolean()) {
           if (id != request.who.userId && !request.who.atLeast(auth::Role::admin))
             throw Problem(Problem::Kind::forbidden, "Only the user and Admins may change this");
           rooms.context.database.session()->update(
               "dispatch_user", id,
               {{"experimental_features", request.body["experimental_features"].get<bool>()}});
         }
         return answer(request, id);
       }});
  router.add({"POST", "/{organization}/users/{dispatch_user_id}/change-password",
              Access::atLeast(auth::Role::member, "own account"), "Change one's own password", "users",
              [rooms, answer](Request& request) {
                const auto id = request.id("dispatch_user_id");
                if (id != request.who.userId)
                  throw Problem(
                      Problem::Kind::forbidden,
                      "Only the account's own password can be changed here; Owners use reset-password");
                auth::Attempt attempt;
                attempt.action = "change_password";
                attempt.organizationSlug = request.organizationSlug;
                attempt.fields = request.body;
                attempt.address = request.address;
                attempt.subject = request.who.email;
                attempt.sessionId = request.who.sessionId;
                rooms.context.login.attempt(attempt);
                return answer(request, id);
              }});
  router.add(
      {"POST", "/{organization}/users/{dispatch_user_id}/reset-password", Access::atLeast(auth::Role::owner),
       "Set another user's password; ends their sessions", "users", [rooms, answer](Request& request) {
         const auto id = request.id("dispatch_user_id");
         const auto email = emailOf(*rooms.context.database.session(), request, id);
         // Users are shared by all organizations: an Owner of one must not take over a member of another.
         if (rooms.context.database.session()->one(
                 "SELECT organization_id FROM user_organization WHERE user_id = ? AND organization_id <> ?",
                 {id, request.organizationId}))
           throw Problem(Problem::Kind::forbidden,
                         email +
                             " also belongs to another organization; ask the operator: dispatch user reset " +
                             email);
         const auto password = requiredText(request.body, "new_password");
         auth::Passwords::checkPolicy(password, email);
         rooms.context.accounts.setPassword(email, password);
         return answer(request, id);
       }});
}

}  // namespace dispatch::api
