#pragma once

#include "base/base.hpp"

#include <string>

namespace dispatch::api {

/// {"$ref": …} to a schema under components/schemas.
Json reference(const std::string& name);
Json nullable(Json schema);
Json listOf(Json schema);
/// The original's envelope of lists, with items of the schema called `item`.
Json pageOf(const std::string& item);

/// Schemas of what the API answers beside its resources - flows and their steps, sessions, ways to log in,
/// how an instance runs, what the event stream says - by their names under components/schemas.
Json shapes();

}  // namespace dispatch::api
