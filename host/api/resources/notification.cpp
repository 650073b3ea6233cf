#include "api/resources/descriptions.hpp"
#include "incident/incident.hpp"

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
}

Resource describeNotification() {
  Resource notification{
      .model = "Notification",
      .table = "notification",
      .path = "notifications",
      .title = "notification",
      .fields = {{.name = "name", .type = T::name, .required = true, .searchable = true},
                 {.name = "description", .searchable = true},
                 {.name = "type", .required = true, .choices = {"conversation", "email"}},
                 {.name = "target",
                  .required = true,
                  .searchable = true,
                  .description = "channel, or e-mail address"},
                 {.name = "enabled", .type = T::boolean, .defaultValue = true, .notNull = true},
                 {.name = "created_at", .type = T::instant, .readOnly = true, .notNull = true},
                 {.name = "updated_at", .type = T::instant, .readOnly = true, .notNull = true}},
      .links = {project},
      .lists = {{.name = "filters",
                 .resource = "SearchFilter",
                 .table = "notification_filter",
                 .local = "notification_id",
                 .remote = "search_filter_id",
                 .writable = true}},
      .operations = {.create = Role::admin, .update = Role::admin, .remove = Role::admin},
      .uniqueMessage = "A notification with this name already exists in the project."};
  notification.prepare = [](Write& write, const Json&, ColumnValues& columns) {
    const auto value = [&](const char* name) -> std::string {
      for (const auto& [column, given] : columns)
        if (column == name)
          return std::holds_alternative<std::string>(given) ? std::get<std::string>(given) : "";
      const auto row =
          write.id == 0 ? std::nullopt
                        : write.session.one("SELECT type, target FROM notification WHERE id = ?", {write.id});
      return row ? row->text(name) : "";
    };
    if (value("type") != "email") return;
    try {
      incident::checkEmail(value("target"), {"body", "target"});
    } catch (const Problem& problem) {
      throw Problem(
          problem.kind(),
          std::string("target: ") + problem.what() + ". For a channel, choose the type conversation",
          problem.location());
    }
  };
  addEvergreen(notification);
  return notification;
}

Resource describeSearchFilter() {
  return {.model = "SearchFilter",
          .table = "search_filter",
          .path = "search/filters",
          .title = "search filter",
          .fields = {{.name = "name", .type = T::name, .required = true, .searchable = true},
                     {.name = "description"},
                     {.name = "expression", .type = T::json, .required = true},
                     {.name = "subject",
                      .defaultValue = "incident",
                      .choices = {"incident", "case"},
                      .notNull = true},
                     {.name = "enabled", .type = T::boolean, .defaultValue = true, .notNull = true},
                     {.name = "created_at", .type = T::instant, .readOnly = true, .notNull = true},
                     {.name = "updated_at", .type = T::instant, .readOnly = true, .notNull = true}},
          .links = {project,
                    {.name = "creator",
                     .resource = "DispatchUser",
                     .column = "creator_id",
                     .resolve = Link::Resolve::none}},
          .constants = {{"individuals", Json::array()},
                        {"notifications", Json::array()},
                        {"services", Json::array()},
                        {"teams", Json::array()}},
          .operations = {.create = Role::member, .update = Role::member, .remove = Role::member},
          .uniqueMessage = "A search filter with this name already exists in the project.",
          .prepare =
              [](Write& write, const Json&, ColumnValues& columns) {
                if (write.id == 0) {
                  columns.emplace_back("creator_id", write.request.who.userId);
                  return;
                }
                const auto row =
                    write.session.one("SELECT creator_id FROM search_filter WHERE id = ?", {write.id});
                if (row->integer("creator_id") != write.request.who.userId &&
                    !write.request.who.atLeast(Role::admin))
                  throw Problem(Problem::Kind::forbidden,
                                "Only its creator and Admins may change this search filter");
              },
          .removing =
              [](Write& write) {
                const auto row =
                    write.session.one("SELECT creator_id FROM search_filter WHERE id = ?", {write.id});
                if (row->integer("creator_id") != write.request.who.userId &&
                    !write.request.who.atLeast(Role::admin))
                  throw Problem(Problem::Kind::forbidden,
                                "Only its creator and Admins may delete this search filter");
              }};
}

}  // namespace dispatch::api
