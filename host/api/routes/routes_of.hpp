#pragma once

#include "api/api.hpp"
#include "api/resource/resource.hpp"
#include "api/router.hpp"
#include "api/shapes.hpp"

namespace dispatch::api {

/// What route groups share.
struct Rooms {
  const Context& context;
  const Resources& resources;
  const store::Models& models;
};

void addAuthRoutes(Router& router, const Rooms& rooms);
void addOrganizationRoutes(Router& router, const Rooms& rooms);
void addUserRoutes(Router& router, const Rooms& rooms);
void addPluginRoutes(Router& router, const Rooms& rooms);
void addIncidentRoutes(Router& router, const Rooms& rooms);
void addPolicyRoutes(Router& router, const Rooms& rooms);
void addWebhookRoutes(Router& router, const Rooms& rooms);

/// The session cookie for this request's origin: `__Host-` and Secure (RFC 6265bis). Throws
/// Problem(forbidden) where a browser would drop it: plain HTTP from another machine.
std::string sessionCookie(const Request& request, const std::string& token, std::int64_t maxAgeSeconds);
inline constexpr const char* sessionCookieName = "__Host-dispatch_session";

/// A body member that must be non-empty text; throws Problem(invalid) at {"body", name}.
std::string requiredText(const Json& body, std::string_view name);

}  // namespace dispatch::api
