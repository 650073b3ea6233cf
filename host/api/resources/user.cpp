#include "api/resources/descriptions.hpp"

namespace dispatch::api {

using T = Field::Type;

namespace {

/// Projects, organizations and the role in the request's organization.
void presentMembership(store::Session& session, std::int64_t organizationId, std::vector<Json*>& users) {
  for (auto* user : users) {
    const auto id = (*user)["id"].get<std::int64_t>();
    Json projects = Json::array(), organizations = Json::array();
    for (const auto& row : session.query(
             "SELECT project.id AS id, project.name AS name, project.display_name AS display_name,"
             " project.color AS color, user_project.role AS role,"
             " user_project.is_default AS is_default FROM user_project"
             " JOIN project ON project.id = user_project.project_id"
             " WHERE user_project.user_id = ? AND project.organization_id = ? ORDER BY project.name",
             {id, organizationId}))
      projects.push_back({{"project",
                           {{"id", row.integer("id")},
                            {"name", row.text("name")},
                            {"display_name", row.text("display_name")},
                            {"color", row.text("color")}}},
                          {"default", row.boolean("is_default")},
                          {"role", row.text("role")}});
    (*user)["role"] = nullptr;
    if (const auto row =
            session.one("SELECT organization.id AS id, organization.name AS name, organization.slug AS slug,"
                        " user_organization.role AS role FROM user_organization"
                        " JOIN organization ON organization.id = user_organization.organization_id"
                        " WHERE user_id = ? AND organization_id = ?",
                        {id, organizationId})) {
      (*user)["role"] = row->text("role");
      organizations.push_back(
          {{"organization",
            {{"id", row->integer("id")}, {"name", row->text("name")}, {"slug", row->text("slug")}}},
           {"default", true},
           {"role", row->text("role")}});
    }
    (*user)["projects"] = std::move(projects);
    (*user)["organizations"] = std::move(organizations);
  }
}

}  // namespace

Resource describeUser() {
  return {.model = "DispatchUser",
          .table = "dispatch_user",
          .path = "users",
          .title = "user",
          .fields =
              {{.name = "email", .type = T::email, .required = true, .searchable = true},
               {.name = "experimental_features", .type = T::boolean, .defaultValue = false, .notNull = true},
               {.name = "is_active", .type = T::boolean, .readOnly = true, .notNull = true},
               {.name = "last_login_at", .type = T::instant, .readOnly = true},
               {.name = "created_at", .type = T::instant, .readOnly = true, .notNull = true}},
          .constants = {{"settings", nullptr},
                        {"role", nullptr},
                        {"projects", Json::array()},
                        {"organizations", Json::array()}},
          .organizationColumn = "",
          .visible =
              [](const auth::Principal& who) {
                return store::Condition{
                    "dispatch_user.id IN (SELECT user_id FROM user_organization WHERE organization_id = ?)",
                    {who.organizationId}};
              },
          .present = presentMembership};
}

}  // namespace dispatch::api
