#include "api/resources/descriptions.hpp"

namespace dispatch::api {

using T = Field::Type;
using auth::Role;

Resource describeWorkflow() {
  return {.model = "Workflow",
          .table = "workflow",
          .path = "workflows",
          .title = "workflow",
          .fields = {{.name = "name", .type = T::name, .required = true, .searchable = true},
                     {.name = "description", .searchable = true},
                     {.name = "resource_id",
                      .required = true,
                      .description = "the workflow's id at the other side"},
                     {.name = "parameters", .type = T::json, .defaultValue = Json::array(), .notNull = true},
                     {.name = "enabled", .type = T::boolean, .defaultValue = true, .notNull = true},
                     {.name = "trigger",
                      .choices = {"", "incident.create"},
                      .description = "run by itself: \"incident.create\" on every new incident"},
                     {.name = "created_at", .type = T::instant, .readOnly = true, .notNull = true},
                     {.name = "updated_at", .type = T::instant, .readOnly = true, .notNull = true}},
          .links = {{.name = "project",
                     .resource = "Project",
                     .column = "project_id",
                     .resolve = Link::Resolve::byName,
                     .required = true,
                     .notNull = true},
                    {.name = "plugin_instance",
                     .resource = "PluginInstance",
                     .column = "plugin_instance_id",
                     .required = true}},
          .operations = {.create = Role::admin, .update = Role::admin, .remove = Role::admin},
          .uniqueMessage = "A workflow with this name already exists in the project."};
}

}  // namespace dispatch::api
