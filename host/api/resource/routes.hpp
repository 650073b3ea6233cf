#pragma once

#include "api/resource/resource.hpp"
#include "api/router.hpp"

namespace dispatch::api {

/// Adds the list, get, create, update and delete routes that the description grants.
void addRoutes(Router& router, const Resources& resources, const store::Models& models,
               const Resource& resource, store::Database& database);

/// Creates the row (`id` 0) or changes it as `body` says; answers its id. Throws Problem.
std::int64_t saveRow(store::Session& session, const Resources& resources, const Resource& resource,
                     Request& request, const Json& body, std::int64_t id);

/// One row that the caller may see, or Problem(notFound).
Json readOne(store::Session& session, const Resources& resources, const Resource& resource,
             const Request& request, std::int64_t id);

}  // namespace dispatch::api
