#include "auth/membership.hpp"

#include "base/problem.hpp"

namespace dispatch::auth {

void fillMembership(store::Session& session, Principal& principal, std::string_view organizationSlug) {
  const auto row = session.one(
      "SELECT organization.id AS id, user_organization.role AS role FROM organization LEFT JOIN "
      "user_organization"
      " ON user_organization.organization_id = organization.id AND user_organization.user_id = ?"
      " WHERE organization.slug = ?",
      {principal.userId, std::string(organizationSlug)});
  if (!row)
    throw Problem(Problem::Kind::notFound,
                  "There is no organization \"" + std::string(organizationSlug) + "\"",
                  {"path", "organization"});
  const auto role = parseRole(row->text("role"));
  if (!role)
    throw Problem(Problem::Kind::forbidden, "You are not a member of the organization " +
                                                std::string(organizationSlug) +
                                                "; ask one of its Admins to add you");
  principal.organizationId = row->integer("id");
  principal.organizationSlug = std::string(organizationSlug);
  principal.role = *role;
}

}  // namespace dispatch::auth
