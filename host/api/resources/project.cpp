#include "api/resources/descriptions.hpp"

namespace dispatch::api {

using T = Field::Type;

Resource describeProject(integrations::Integrations& integrations) {
  return {
      .model = "Project",
      .table = "project",
      .path = "projects",
      .title = "project",
      .fields =
          {{.name = "name", .type = T::name, .required = true, .searchable = true, .maxLength = 64},
           {.name = "display_name", .defaultValue = "", .notNull = true},
           {.name = "description", .searchable = true},
           {.name = "owner_email", .type = T::email},
           {.name = "owner_conversation"},
           {.name = "annual_employee_cost", .type = T::integer, .defaultValue = 50000, .notNull = true},
           {.name = "business_year_hours", .type = T::integer, .defaultValue = 2080, .notNull = true},
           {.name = "default", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "color"},
           {.name = "send_daily_reports", .type = T::boolean, .defaultValue = true, .notNull = true},
           {.name = "send_weekly_reports", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "weekly_report_notification_id", .type = T::integer},
           {.name = "enabled", .type = T::boolean, .defaultValue = true, .notNull = true},
           {.name = "storage_folder_one"},
           {.name = "storage_folder_two"},
           {.name = "storage_use_folder_one_as_primary",
            .type = T::boolean,
            .defaultValue = true,
            .notNull = true},
           {.name = "storage_use_title", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "allow_self_join", .type = T::boolean, .defaultValue = true, .notNull = true},
           {.name = "select_commander_visibility", .type = T::boolean, .defaultValue = true, .notNull = true},
           {.name = "report_incident_instructions"},
           {.name = "report_incident_title_hint"},
           {.name = "report_incident_description_hint"},
           {.name = "suggest_security_event_over_incident",
            .type = T::boolean,
            .defaultValue = true,
            .notNull = true}},
      .links = {{.name = "stable_priority", .resource = "IncidentPriority", .column = "stable_priority_id"}},
      .constants = {{"snooze_extension_oncall_service", nullptr}},
      .operations = {.create = auth::Role::manager, .update = auth::Role::admin, .remove = auth::Role::admin},
      .uniqueMessage = "A project with this name already exists in the organization.",
      .prepare =
          [](Write& write, const Json& body, ColumnValues& columns) {
            if (write.id == 0) columns.emplace_back("slug", store::slugOf(textOr(body, "name")));
          },
      .written =
          [&integrations](Write& write, const Json& body, bool created) {
            if (body.value("default", Json(false)) == true)
              write.session.execute(
                  "UPDATE project SET \"default\" = ? WHERE organization_id = ? AND id <> ?",
                  {false, write.request.organizationId, write.id});
            if (!created) return;
            store::seedProject(write.session, write.request.organizationId, write.id);
            integrations.initProject(write.session, write.request.organizationId, write.id);
          },
      .removing =
          [](Write& write) {
            if (write.session.one("SELECT id FROM incident WHERE project_id = ?", {write.id}))
              throw Problem(
                  Problem::Kind::conflict,
                  "The project has incidents and cannot be deleted; disable it instead (enabled: false)");
            const auto row = write.session.one("SELECT \"default\" FROM project WHERE id = ?", {write.id});
            if (row && row->boolean("default"))
              throw Problem(Problem::Kind::conflict,
                            "This is the organization's default project; make another one the default first");
          }};
}

}  // namespace dispatch::api
