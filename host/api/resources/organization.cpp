#include "api/resources/descriptions.hpp"

namespace dispatch::api {

using T = Field::Type;

Resource describeOrganization() {
  return {
      .model = "Organization",
      .table = "organization",
      .title = "organization",
      .fields =
          {{.name = "name", .type = T::name, .required = true, .searchable = true, .maxLength = 64},
           {.name = "slug", .readOnly = true, .notNull = true},
           {.name = "description", .searchable = true},
           {.name = "default", .type = T::boolean, .readOnly = true, .defaultValue = false, .notNull = true},
           {.name = "banner_enabled", .type = T::boolean, .defaultValue = false, .notNull = true},
           {.name = "banner_color"},
           {.name = "banner_text"}},
      .organizationColumn = "",
      .uniqueMessage = "An organization with this name already exists.",
      // A person sees the organizations they belong to, and no other's name.
      .visible = [](const auth::Principal& who) {
        return store::Condition{
            "organization.id IN (SELECT organization_id FROM user_organization WHERE user_id = ?)",
            {who.userId}};
      }};
}

}  // namespace dispatch::api
