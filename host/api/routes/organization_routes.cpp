#include "api/resource/routes.hpp"
#include "api/routes/routes_of.hpp"

namespace dispatch::api {

namespace {

/// /organizations has no slug in its path: who may do what is decided by the membership in the organization
/// meant.
auth::Role roleIn(store::Session& session, const Request& request, std::int64_t organizationId) {
  const auto row = session.one("SELECT role FROM user_organization WHERE user_id = ? AND organization_id = ?",
                               {request.who.userId, organizationId});
  const auto role = row ? auth::parseRole(row->text("role")) : std::nullopt;
  if (!role)
    throw Problem(Problem::Kind::notFound, "No organization with id " + std::to_string(organizationId) +
                                               " exists, or you are no member of it");
  return *role;
}

}  // namespace

void addOrganizationRoutes(Router& router, const Rooms& rooms) {
  const Resource& resource = rooms.resources.get("Organization");
  const auto member = Access::atLeast(auth::Role::member, "own organizations");
  router.add({"GET", "/organizations", member, "List one's organizations", "organizations",
              [rooms, &resource](Request& request) {
                return Reply::json(writtenListPage(*rooms.context.database.session(), rooms.resources,
                                                   rooms.models, resource, request));
              }});
  router.add({"GET", "/organizations/{organization_id}", member, "Get one organization", "organizations",
              [rooms, &resource](Request& request) {
                return Reply::json(readOne(*rooms.context.database.session(), rooms.resources, resource,
                                           request, request.id("organization_id")));
              }});
  router.add(
      {"POST", "/organizations", Access::atLeast(auth::Role::owner, "of the default organization"),
       "Create an organization and become its Owner", "organizations", [rooms, &resource](Request& request) {
         std::int64_t id = 0;
         rooms.context.database.transact([&](store::Session& session) {
           Write write{session, request, 0, 0};
           auto columns = validated(session, rooms.resources, resource, request.body, true, write);
           const auto slug = store::slugOf(textOr(request.body, "name"), '_');
           if (slug.size() < 3)
             throw Problem(Problem::Kind::invalid, "name needs at least three letters or digits for its slug",
                           {"body", "name"});
           if (session.one("SELECT id FROM organization WHERE slug = ?", {slug}))
             throw Problem(Problem::Kind::conflict,
                           "An organization with the slug " + slug + " already exists", {"body", "name"});
           columns.emplace_back("slug", slug);
           columns.emplace_back("default", false);
           columns.emplace_back("created_at", nowText());
           columns.emplace_back("updated_at", nowText());
           id = session.insert("organization", columns);
           const auto projectId = store::createProject(session, id, "default", {{"default", true}});
           rooms.context.integrations.initProject(session, id, projectId);
           auth::addMember(session, request.who.userId, id, auth::Role::owner);
           session.execute(
               "UPDATE user_project SET role = ?, is_default = ? WHERE user_id = ? AND project_id = ?",
               {std::string("Owner"), false, request.who.userId, projectId});
           session.publish({id, "organization", id, "created", Json::object()});
         });
         return Reply::json(
             readOne(*rooms.context.database.session(), rooms.resources, resource, request, id));
       }});
  router.add({"PUT", "/organizations/{organization_id}",
              Access::atLeast(auth::Role::member, "Owner of that organization"), "Change an organization",
              "organizations", [rooms, &resource](Request& request) {
                const auto id = request.id("organization_id");
                rooms.context.database.transact([&](store::Session& session) {
                  if (roleIn(session, request, id) != auth::Role::owner)
                    throw Problem(Problem::Kind::forbidden,
                                  "Only an Owner of the organization may change it");
                  Write write{session, request, id, 0};
                  auto columns = validated(session, rooms.resources, resource, request.body, false, write);
                  std::erase_if(columns, [](const auto& column) { return column.first == "name"; });
                  session.update("organization", id, columns);
                  session.publish({id, "organization", id, "updated", Json::object()});
                });
                return Reply::json(
                    readOne(*rooms.context.database.session(), rooms.resources, resource, request, id));
              }});
}

}  // namespace dispatch::api
