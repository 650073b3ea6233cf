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
const Resource::Operations adminWrites{.create = Role::admin, .update = Role::admin, .remove = Role::admin};

/// A document of the project that new documents begin with a copy of.
Link templateDocument(const std::string& kind) {
  return {
      .name = kind + "_template_document", .resource = "Document", .column = kind + "_template_document_id"};
}

/// A row that incidents refer to cannot go away, and one default stays.
void keepUsed(Write& write, const char* table, const char* column) {
  const std::string name(table);
  if (write.session.one("SELECT id FROM incident WHERE " + std::string(column) + " = ?", {write.id}))
    throw Problem(Problem::Kind::conflict,
                  "Incidents use it, so it cannot be deleted; disable it instead (enabled: false)");
  const auto row = write.session.one("SELECT \"default\" FROM " + name + " WHERE id = ?", {write.id});
  if (row && row->boolean("default"))
    throw Problem(Problem::Kind::conflict, "It is the project's default; make another one the default first");
}

/// A project keeps a default that can be used: a report that names nothing would be refused without it.
void keepDefault(Write& write, const ColumnValues& columns, const char* table) {
  const auto sets = [&](std::string_view column, bool to) {
    for (const auto& [name, value] : columns)
      if (name == column) return value == store::Value(to);
    return false;
  };
  const bool was =
      write.id != 0 &&
      write.session.one(std::string("SELECT \"default\" FROM ") + table + " WHERE id = ?", {write.id})
          ->boolean("default");
  if (was && sets("default", false))
    throw Problem(Problem::Kind::conflict,
                  "It is the project's default; make another one the default instead", {"body", "default"});
  if ((was || sets("default", true)) && sets("enabled", false))
    throw Problem(Problem::Kind::conflict,
                  "It is the project's default, which has to be enabled; make another one the default first",
                  {"body", "enabled"});
}

}  // namespace

Resource describeIncidentType() {
  return {
      .model = "IncidentType",
      .table = "incident_type",
      .path = "incident_types",
      .title = "incident type",
      .fields =
          {{.name = "name", .type = T::name, .required = true, .searchable = true, .maxLength = 128},
           {.name = "description", .searchable = true},
           {.name = "visibility", .defaultValue = "Open", .choices = {"Open", "Restricted"}, .notNull = true},
           {.name = "enabled", .type = T::boolean, .defaultValue = true, .notNull = true},
           {.name = "default", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "exclude_from_metrics", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "exclude_from_reminders", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "exclude_from_review", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "plugin_metadata", .type = T::json, .defaultValue = Json::array(), .notNull = true},
           {.name = "task_plugin_metadata", .type = T::json, .defaultValue = Json::array(), .notNull = true},
           {.name = "channel_description"},
           {.name = "generate_read_in_summary", .type = T::boolean, .defaultValue = false, .notNull = true}},
      .links = {project,
                templateDocument("incident"),
                templateDocument("executive"),
                templateDocument("review"),
                templateDocument("tracking"),
                {.name = "description_service", .resource = "Service", .column = "description_service_id"}},
      .constants = {{"cost_model", nullptr}},
      .operations = adminWrites,
      .exclusiveDefault = true,
      .uniqueMessage = "An incident type with this name already exists in the project.",
      .prepare = [](Write& write, const Json&,
                    ColumnValues& columns) { keepDefault(write, columns, "incident_type"); },
      .removing = [](Write& write) { keepUsed(write, "incident_type", "incident_type_id"); }};
}

Resource describeIncidentPriority() {
  return {
      .model = "IncidentPriority",
      .table = "incident_priority",
      .path = "incident_priorities",
      .title = "incident priority",
      .fields = {{.name = "name", .type = T::name, .required = true, .searchable = true, .maxLength = 128},
                 {.name = "description", .searchable = true},
                 {.name = "page_commander", .type = T::boolean, .defaultValue = false, .notNull = true},
                 {.name = "tactical_report_reminder", .type = T::integer, .description = "hours"},
                 {.name = "executive_report_reminder", .type = T::integer, .description = "hours"},
                 {.name = "disable_delayed_message_warning",
                  .type = T::boolean,
                  .defaultValue = false,
                  .notNull = true},
                 {.name = "default", .type = T::boolean, .defaultValue = false, .notNull = true},
                 {.name = "enabled", .type = T::boolean, .defaultValue = true, .notNull = true},
                 {.name = "view_order", .type = T::integer},
                 {.name = "color"}},
      .links = {project},
      .operations = adminWrites,
      .exclusiveDefault = true,
      .uniqueMessage = "An incident priority with this name already exists in the project.",
      .prepare = [](Write& write, const Json&,
                    ColumnValues& columns) { keepDefault(write, columns, "incident_priority"); },
      .removing = [](Write& write) { keepUsed(write, "incident_priority", "incident_priority_id"); }};
}

Resource describeIncidentSeverity() {
  return {
      .model = "IncidentSeverity",
      .table = "incident_severity",
      .path = "incident_severities",
      .title = "incident severity",
      .fields = {{.name = "name", .type = T::name, .required = true, .searchable = true, .maxLength = 128},
                 {.name = "description", .searchable = true},
                 {.name = "color"},
                 {.name = "allowed_for_stable_incidents",
                  .type = T::boolean,
                  .defaultValue = true,
                  .notNull = true},
                 {.name = "default", .type = T::boolean, .defaultValue = false, .notNull = true},
                 {.name = "enabled", .type = T::boolean, .defaultValue = true, .notNull = true},
                 {.name = "view_order", .type = T::integer}},
      .links = {project},
      .operations = adminWrites,
      .exclusiveDefault = true,
      .uniqueMessage = "An incident severity with this name already exists in the project.",
      .prepare = [](Write& write, const Json&,
                    ColumnValues& columns) { keepDefault(write, columns, "incident_severity"); },
      .removing = [](Write& write) { keepUsed(write, "incident_severity", "incident_severity_id"); }};
}

/// A policy: who fills `role` in incidents of these types and priorities. Written role by role
/// (policy_routes.cpp).
Resource describeIncidentRole() {
  return {
      .model = "IncidentRole",
      .table = "incident_role",
      .title = "role policy",
      .fields = {{.name = "role", .required = true, .notNull = true},
                 {.name = "enabled", .type = T::boolean, .defaultValue = true, .notNull = true},
                 {.name = "order", .type = T::integer},
                 {.name = "engage_next_oncall", .type = T::boolean, .defaultValue = false, .notNull = true},
                 {.name = "created_at", .type = T::instant, .readOnly = true},
                 {.name = "updated_at", .type = T::instant, .readOnly = true}},
      .links = {project,
                {.name = "service", .resource = "Service", .column = "service_id"},
                {.name = "individual", .resource = "IndividualContact", .column = "individual_id"}},
      .lists = {{.name = "incident_types",
                 .resource = "IncidentType",
                 .table = "incident_role_incident_type",
                 .local = "incident_role_id",
                 .remote = "incident_type_id",
                 .writable = true},
                {.name = "incident_priorities",
                 .resource = "IncidentPriority",
                 .table = "incident_role_incident_priority",
                 .local = "incident_role_id",
                 .remote = "incident_priority_id",
                 .writable = true},
                {.name = "tags",
                 .resource = "Tag",
                 .table = "incident_role_tag",
                 .local = "incident_role_id",
                 .remote = "tag_id",
                 .writable = true}},
      .operations = {.list = std::nullopt, .get = std::nullopt}};
}

}  // namespace dispatch::api
