#include "api/resources/descriptions.hpp"

namespace dispatch::api {

using T = Field::Type;
using auth::Role;

Resource describeTagType() {
  Resource type{
      .model = "TagType",
      .table = "tag_type",
      .path = "tag_types",
      .title = "tag type",
      .fields =
          {{.name = "name", .type = T::name, .required = true, .searchable = true},
           {.name = "description"},
           {.name = "color"},
           {.name = "icon"},
           {.name = "exclusive", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "required", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "use_for_project_folder", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "genai_suggestions", .type = T::boolean, .defaultValue = false, .notNull = true}},
      .links = {{.name = "project",
                 .resource = "Project",
                 .column = "project_id",
                 .resolve = Link::Resolve::byName,
                 .required = true,
                 .notNull = true,
                 .nested = true}},
      .operations = {.create = Role::member, .update = Role::member, .remove = Role::admin},
      .uniqueMessage = "A tag type with this name already exists in the project."};
  for (const char* where : {"case", "incident", "query", "signal", "source", "document"})
    type.fields.push_back(
        {.name = std::string("discoverable_") + where, .type = T::boolean, .defaultValue = true});
  return type;
}

Resource describeTag() {
  return {.model = "Tag",
          .table = "tag",
          .path = "tags",
          .title = "tag",
          .fields = {{.name = "name", .required = true, .searchable = true, .maxLength = 128},
                     {.name = "description", .searchable = true},
                     {.name = "uri"},
                     {.name = "source", .defaultValue = "dispatch"},
                     {.name = "external_id"},
                     {.name = "discoverable", .type = T::boolean, .defaultValue = true, .notNull = true}},
          .links = {{.name = "project",
                     .resource = "Project",
                     .column = "project_id",
                     .resolve = Link::Resolve::byName,
                     .required = true,
                     .notNull = true,
                     .nested = true},
                    {.name = "tag_type",
                     .resource = "TagType",
                     .column = "tag_type_id",
                     .resolve = Link::Resolve::byName,
                     .required = true,
                     .notNull = true,
                     .nested = true}},
          .operations = {.create = Role::member, .update = Role::member, .remove = Role::member},
          .uniqueMessage = "A tag with this name and type already exists in the project."};
}

}  // namespace dispatch::api
