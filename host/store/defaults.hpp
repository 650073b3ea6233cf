#pragma once

#include "store/database.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dispatch::store {

/// What a fresh installation begins with: organization "default", project "default" and the rows of
/// seedProject(). Leaves alone whatever is there already; two hosts may do it at once.
void ensureDefaults(Database& database);

/// A project with the rows of seedProject(). `columns`: further columns of `project`, the program's own
/// names. Throws Problem(conflict) of type "unique:project_organization_id_name" if the name is taken. Within
/// a transaction.
std::int64_t createProject(Session& session, std::int64_t organizationId, const std::string& name,
                           const std::vector<std::pair<std::string, Value>>& columns = {});

/// What a project needs for its first incident: incident type "Default", priorities Low (default), Medium,
/// High, and severities Undetermined (default), Low, Medium, High, Critical.
void seedProject(Session& session, std::int64_t organizationId, std::int64_t projectId);

/// `name` for names and URLs: letters of European alphabets in their plain form, lower case, everything else
/// one `separator`. Never empty: a name with nothing usable gives "x".
std::string slugOf(std::string_view name, char separator = '-');

}  // namespace dispatch::store
