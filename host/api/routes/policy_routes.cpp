// Who fills a role in which incidents: the original's /incident_roles, where one answer holds all policies of
// a role in a project, in their order.
#include "api/resource/routes.hpp"
#include "api/routes/routes_of.hpp"

#include <algorithm>
#include <set>

namespace dispatch::api {

namespace {

struct Place {
  std::int64_t projectId = 0;
  std::string project, role;
};

Place placeOf(store::Session& session, const Request& request) {
  Place place;
  place.role = Query("v=" + request.path.find("role")->second).get("v").value_or("");
  incident::requirePolicyRole(place.role);
  place.project = request.query.get("projectName").value_or("");
  const auto row = session.one("SELECT id FROM project WHERE organization_id = ? AND name = ?",
                               {request.organizationId, place.project});
  if (!row)
    throw Problem(
        Problem::Kind::invalid,
        "there is no project \"" + place.project + "\" in this organization: name one as projectName",
        {"query", "projectName"});
  place.projectId = row->integer("id");
  return place;
}

std::vector<std::int64_t> policiesOf(store::Session& session, const Place& place) {
  std::vector<std::int64_t> ids;
  for (const auto& row :
       session.query("SELECT id FROM incident_role WHERE project_id = ? AND role = ? ORDER BY "
                     "COALESCE(\"order\", 2147483647), id",
                     {place.projectId, place.role}))
    ids.push_back(row.integer("id"));
  return ids;
}

Json answer(store::Session& session, const Rooms& rooms, const Request& request, const Place& place) {
  return {{"policies", readRows(session, rooms.resources, rooms.resources.get("IncidentRole"),
                                request.organizationId, policiesOf(session, place))}};
}

/// One policy of the body, checked for what makes it useless.
void checkPolicy(const Json& policy, const std::string& index) {
  if (!policy.is_object())
    throw Problem(Problem::Kind::invalid, "a policy must be an object", {"body", "policies", index});
  const auto names = [&](const char* member) {
    const auto found = policy.find(member);
    return found != policy.end() && found->is_object();
  };
  if (names("service") == names("individual"))
    throw Problem(Problem::Kind::invalid,
                  "a policy names either an on-call service or an individual, who then fills the role",
                  {"body", "policies", index, "service"});
  for (const char* member : {"incident_types", "incident_priorities"}) {
    const auto found = policy.find(member);
    if (found == policy.end() || !found->is_array() || found->empty())
      throw Problem(Problem::Kind::invalid,
                    std::string("a policy applies to the ") + member + " it lists: list at least one",
                    {"body", "policies", index, member});
  }
}

void replace(store::Session& session, const Rooms& rooms, Request& request, const Place& place) {
  const auto sent = request.body.find("policies");
  if (sent == request.body.end() || !sent->is_array())
    throw Problem(Problem::Kind::invalid, "policies must be a list", {"body", "policies"});
  const std::vector<std::int64_t> before = policiesOf(session, place);
  std::set<std::int64_t> kept;
  for (std::size_t i = 0; i < sent->size(); ++i) {
    Json policy = (*sent)[i];
    checkPolicy(policy, std::to_string(i));
    policy["role"] = place.role;
    policy["project"] = {{"name", place.project}};
    const auto given = policy.find("id");
    std::int64_t id = given != policy.end() && given->is_number_integer() ? given->get<std::int64_t>() : 0;
    if (id != 0 && std::find(before.begin(), before.end(), id) == before.end())
      throw Problem(Problem::Kind::invalid,
                    "there is no policy with id " + std::to_string(id) + " for this role and project",
                    {"body", "policies", std::to_string(i), "id"});
    kept.insert(saveRow(session, rooms.resources, rooms.resources.get("IncidentRole"), request, policy, id));
  }
  for (const std::int64_t id : before)
    if (!kept.contains(id)) session.execute("DELETE FROM incident_role WHERE id = ?", {id});
  session.publish({request.organizationId, "incident_role", place.projectId, "updated", Json::object()});
}

}  // namespace

void addPolicyRoutes(Router& router, const Rooms& rooms) {
  const std::string path = "/{organization}/incident_roles/{role}";
  const Json policies{{"type", "object"},
                      {"required", Json::array({"policies"})},
                      {"properties", {{"policies", listOf(reference("IncidentRoleRead"))}}}};
  const Json sent{{"type", "object"},
                  {"required", Json::array({"policies"})},
                  {"properties", {{"policies", listOf({{"type", "object"}})}}}};
  const Json parameters = Json::array({{{"name", "projectName"},
                                        {"in", "query"},
                                        {"required", true},
                                        {"schema", {{"type", "string"}}},
                                        {"description", "Name of the project"}}});
  router.add({"GET", path, Access::atLeast(auth::Role::member), "List the policies of a role",
              "incident_roles",
              [rooms](Request& request) {
                const auto session = rooms.context.database.session();
                return Reply::json(answer(*session, rooms, request, placeOf(*session, request)));
              },
              nullptr, policies, parameters});
  router.add({"PUT", path, Access::atLeast(auth::Role::admin), "Replace the policies of a role",
              "incident_roles",
              [rooms](Request& request) {
                Place place;
                rooms.context.database.transact([&](store::Session& session) {
                  place = placeOf(session, request);
                  replace(session, rooms, request, place);
                });
                return Reply::json(answer(*rooms.context.database.session(), rooms, request, place));
              },
              sent, policies, parameters});
}

}  // namespace dispatch::api
