#pragma once

#include "store/value.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dispatch::store {

/// `sql` with its `?` outside of quotes and comments numbered `$1`, `$2`, … as PostgreSQL wants them.
std::string numberPlaceholders(std::string_view sql);

/// The statements of a script: cut at every `;` outside of quotes and comments, blank ones and comments
/// dropped.
std::vector<std::string> splitStatements(std::string_view script);

/// `name` in double quotes for use as a column or table. Throws std::logic_error unless it is [a-z0-9_]+:
/// names are the program's own.
std::string quotedName(std::string_view name);

/// Refuses what one of the two databases could not store and give back unchanged: text that is not UTF-8 or
/// holds a NUL, a number that is not finite. Throws Problem(invalid) that says which parameter (counted from
/// 1).
void checkParameters(const Values& parameters);

}  // namespace dispatch::store
