#include "api/resources/descriptions.hpp"
#include "api/shapes.hpp"

namespace dispatch::api {

using T = Field::Type;

Resource describeIncident() {
  using Resolve = Link::Resolve;
  return {.model = "Incident",
          .table = "incident",
          .title = "incident",
          .fields = {{.name = "name", .readOnly = true, .searchable = true},
                     {.name = "title", .required = true, .searchable = true, .maxLength = 512},
                     {.name = "description", .required = true, .searchable = true, .maxLength = 65536},
                     {.name = "resolution"},
                     {.name = "summary", .readOnly = true},
                     {.name = "status",
                      .defaultValue = "Active",
                      .choices = {"Active", "Stable", "Closed"},
                      .notNull = true},
                     {.name = "visibility", .choices = {"Open", "Restricted"}, .notNull = true},
                     {.name = "kind",
                      .defaultValue = "real",
                      .choices = {"real", "test", "drill", "backfilled"},
                      .notNull = true},
                     {.name = "participants_team", .readOnly = true},
                     {.name = "participants_location", .readOnly = true},
                     {.name = "commanders_location", .readOnly = true},
                     {.name = "reporters_location", .readOnly = true},
                     {.name = "delay_executive_report_reminder", .type = T::instant},
                     {.name = "delay_tactical_report_reminder", .type = T::instant},
                     {.name = "reported_at", .type = T::instant, .notNull = true},
                     {.name = "stable_at", .type = T::instant},
                     {.name = "closed_at", .type = T::instant, .readOnly = true},
                     {.name = "created_at", .type = T::instant, .readOnly = true, .notNull = true},
                     {.name = "updated_at", .type = T::instant, .readOnly = true, .notNull = true},
                     {.name = "version",
                      .type = T::integer,
                      .readOnly = true,
                      .description = "for If-Match",
                      .notNull = true}},
          .links = {{.name = "project",
                     .resource = "Project",
                     .column = "project_id",
                     .resolve = Resolve::byNameOrDefault,
                     .notNull = true},
                    {.name = "incident_type",
                     .resource = "IncidentType",
                     .column = "incident_type_id",
                     .resolve = Resolve::byNameOrDefault,
                     .notNull = true},
                    {.name = "incident_priority",
                     .resource = "IncidentPriority",
                     .column = "incident_priority_id",
                     .resolve = Resolve::byNameOrDefault,
                     .notNull = true},
                    {.name = "incident_severity",
                     .resource = "IncidentSeverity",
                     .column = "incident_severity_id",
                     .resolve = Resolve::byNameOrDefault,
                     .notNull = true},
                    {.name = "commander",
                     .resource = "Participant",
                     .column = "commander_id",
                     .resolve = Resolve::none},
                    {.name = "reporter",
                     .resource = "Participant",
                     .column = "reporter_id",
                     .resolve = Resolve::none}},
          .lists = {{.name = "tags",
                     .resource = "Tag",
                     .table = "incident_tag",
                     .local = "incident_id",
                     .remote = "tag_id",
                     .writable = true},
                    {.name = "participants",
                     .resource = "Participant",
                     .table = "participant",
                     .local = "incident_id"},
                    {.name = "events",
                     .resource = "Event",
                     .table = "event",
                     .local = "incident_id",
                     .order = "started_at, id"},
                    {.name = "tickets", .resource = "Ticket", .table = "ticket", .local = "incident_id"}},
          .constants = {{"cases", Json::array()},
                        {"conference", nullptr},
                        {"conversation", nullptr},
                        {"documents", Json::array()},
                        {"duplicates", Json::array()},
                        {"incident_costs", Json::array()},
                        {"incident_document", nullptr},
                        {"incident_review_document", nullptr},
                        {"last_executive_report", nullptr},
                        {"last_tactical_report", nullptr},
                        {"storage", nullptr},
                        {"tasks", Json::array()},
                        {"terms", Json::array()},
                        {"ticket", nullptr},
                        {"total_cost", 0.0},
                        {"workflow_instances", Json::array()}},
          .shapes = {{"tickets", nullptr}, {"ticket", nullable(reference("TicketRead"))}},
          .visible = incident::Incidents::visibility,
          .present = [](store::Session&, std::int64_t, std::vector<Json*>& incidents) {
            for (auto* incident : incidents)
              if (const auto tickets = incident->find("tickets"); tickets != incident->end()) {
                if (!tickets->empty()) (*incident)["ticket"] = tickets->front();
                incident->erase("tickets");
              }
          }};
}

Resource describeParticipant() {
  return {
      .model = "Participant",
      .table = "participant",
      .title = "participant",
      .fields = {{.name = "location"}, {.name = "team"}, {.name = "department"}, {.name = "added_reason"}},
      .links = {{.name = "individual",
                 .resource = "IndividualContact",
                 .column = "individual_contact_id",
                 .nested = true}},
      .lists = {{.name = "participant_roles",
                 .resource = "ParticipantRole",
                 .table = "participant_role",
                 .local = "participant_id",
                 .nested = true}},
      .operations = {.list = std::nullopt, .get = std::nullopt}};
}

Resource describeParticipantRole() {
  return {.model = "ParticipantRole",
          .table = "participant_role",
          .title = "participant role",
          .fields = {{.name = "role", .notNull = true},
                     {.name = "assumed_at", .type = T::instant, .notNull = true},
                     {.name = "renounced_at", .type = T::instant},
                     {.name = "activity", .type = T::integer, .notNull = true}},
          .organizationColumn = ""};
}

Resource describeEvent() {
  return {.model = "Event",
          .table = "event",
          .title = "timeline event",
          .fields = {{.name = "uuid", .notNull = true},
                     {.name = "started_at", .type = T::instant, .notNull = true},
                     {.name = "ended_at", .type = T::instant, .notNull = true},
                     {.name = "source", .notNull = true},
                     {.name = "description", .notNull = true},
                     {.name = "details", .type = T::json},
                     {.name = "type"},
                     {.name = "owner"},
                     {.name = "pinned", .type = T::boolean, .notNull = true}}};
}

Resource describeTicket() {
  return {.model = "Ticket",
          .table = "ticket",
          .title = "ticket",
          .fields = {{.name = "resource_type"}, {.name = "resource_id"}, {.name = "weblink"}},
          .constants = {{"description", "The ticket in which this incident is tracked."}}};
}

}  // namespace dispatch::api
