#include "api/resources/descriptions.hpp"

namespace dispatch::api {

using T = Field::Type;
using auth::Role;

namespace {

const Link project{.name = "project",
                   .resource = "Project",
                   .column = "project_id",
                   .resolve = Link::Resolve::byName,
                   .required = true,
                   .notNull = true};

const std::vector<Field> stamps{{.name = "created_at", .type = T::instant, .readOnly = true},
                                {.name = "updated_at", .type = T::instant, .readOnly = true}};

Resource withStamps(Resource resource) {
  resource.fields.insert(resource.fields.end(), stamps.begin(), stamps.end());
  return resource;
}

}  // namespace

Resource describeIndividual() {
  return withStamps(
      {.model = "IndividualContact",
       .table = "individual_contact",
       .path = "individuals",
       .title = "individual",
       .fields = {{.name = "email", .type = T::email, .required = true, .searchable = true},
                  {.name = "name", .searchable = true},
                  {.name = "is_active", .type = T::boolean, .defaultValue = true, .notNull = true},
                  {.name = "is_external", .type = T::boolean, .defaultValue = false, .notNull = true},
                  {.name = "company"},
                  {.name = "contact_type"},
                  {.name = "notes"},
                  {.name = "owner"},
                  {.name = "mobile_phone"},
                  {.name = "office_phone"},
                  {.name = "title"},
                  {.name = "weblink"},
                  {.name = "external_id"}},
       .links = {project},
       .lists = {{.name = "filters",
                  .resource = "SearchFilter",
                  .table = "individual_contact_filter",
                  .local = "individual_contact_id",
                  .remote = "search_filter_id",
                  .writable = true}},
       .constants = {{"auto_add_to_incident_bridges", true}},
       .operations = {.create = Role::member, .update = Role::admin, .remove = Role::admin},
       .uniqueMessage = "An individual with this e-mail address already exists in the project."});
}

Resource describeTeam() {
  Resource team{
      .model = "TeamContact",
      .table = "team_contact",
      .path = "teams",
      .title = "team",
      .fields = {{.name = "name", .type = T::name, .required = true, .searchable = true},
                 {.name = "email", .type = T::email, .required = true, .searchable = true},
                 {.name = "is_active", .type = T::boolean, .defaultValue = true, .notNull = true},
                 {.name = "is_external", .type = T::boolean, .defaultValue = false, .notNull = true},
                 {.name = "company"},
                 {.name = "contact_type"},
                 {.name = "notes"},
                 {.name = "owner"}},
      .links = {project},
      .lists = {{.name = "filters",
                 .resource = "SearchFilter",
                 .table = "team_contact_filter",
                 .local = "team_contact_id",
                 .remote = "search_filter_id",
                 .writable = true}},
      .operations = {.create = Role::member, .update = Role::member, .remove = Role::admin},
      .uniqueMessage = "A team with this e-mail address already exists in the project."};
  addEvergreen(team);
  return withStamps(std::move(team));
}

Resource describeService() {
  Resource service{
      .model = "Service",
      .table = "service",
      .path = "services",
      .title = "on-call service",
      .fields = {{.name = "name", .type = T::name, .required = true, .searchable = true},
                 {.name = "description", .searchable = true},
                 {.name = "type"},
                 {.name = "external_id"},
                 {.name = "is_active", .type = T::boolean, .defaultValue = true, .notNull = true},
                 {.name = "health_metrics", .type = T::boolean, .defaultValue = false, .notNull = true},
                 {.name = "shift_hours_type", .type = T::integer, .defaultValue = 24, .notNull = true}},
      .links = {project},
      .lists = {{.name = "filters",
                 .resource = "SearchFilter",
                 .table = "service_filter",
                 .local = "service_id",
                 .remote = "search_filter_id",
                 .writable = true}},
      .operations = {.create = Role::member, .update = Role::member, .remove = Role::admin},
      .uniqueMessage = "A service with this external id already exists in the project."};
  addEvergreen(service);
  return withStamps(std::move(service));
}

}  // namespace dispatch::api
