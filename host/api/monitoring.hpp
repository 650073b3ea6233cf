#pragma once

#include "api/api.hpp"

#include <string>

namespace dispatch::api {

/// GET /metrics: what the HTTP server counts (nothing where there is none), how each running plugin does, and
/// what plugins count themselves (dispatch.metric/1).
std::string metricsPage(const Context& context, const std::optional<http::Metrics>& http);

}  // namespace dispatch::api
