#pragma once

#include "api/resource/resource.hpp"
#include "api/router.hpp"

namespace dispatch::api {

/// OpenAPI 3.1 of everything under /api/v1, from the route table and the resources' descriptions.
Json makeOpenApi(const Router& router, const Resources& resources, const std::string& version);

/// The same for people: a page without scripts.
std::string makeDocsPage(const Json& openApi);
std::string docsStyle();

/// [{method, path, access, rule}] sorted by path and method.
Json makeRouteTable(const Router& router);

}  // namespace dispatch::api
