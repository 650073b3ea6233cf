// The door for other systems: any method, anything below the address, bodies as they come. And the shutter
// that keeps an address out of logs.
#include "api/routes/routes_of.hpp"

#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/String.h>

#include <algorithm>

namespace dispatch::api {

namespace {

constexpr std::string_view prefix = "/api/v1/";

/// /api/v1/{organization}/events/{plugin}/{token} and what is below: where the token begins and ends.
struct Hook {
  std::size_t token = 0, end = 0;
};
std::optional<Hook> hookIn(std::string_view path) {
  if (!path.starts_with(prefix)) return std::nullopt;
  const auto events = path.find('/', prefix.size());
  if (events == std::string_view::npos || !path.substr(events).starts_with("/events/")) return std::nullopt;
  const auto plugin = path.find('/', events + 8);
  if (plugin == std::string_view::npos) return std::nullopt;
  return Hook{plugin + 1, std::min(path.find('/', plugin + 1), path.size())};
}

/// The same for every path under which there is nothing.
Reply unknown() { return Reply::json({{"detail", "Not Found"}}, 404); }

plugin::WebhookRequest read(Request& request) {
  plugin::WebhookRequest read;
  const std::string& uri = request.raw.getURI();
  const auto mark = std::min(uri.find('?'), uri.size());
  if (const auto hook = hookIn(std::string_view(uri).substr(0, mark)))
    read.path = uri.substr(hook->end, mark - hook->end);
  if (mark < uri.size()) read.query = uri.substr(mark + 1);
  read.method = request.raw.getMethod();
  for (const auto& [name, value] : request.raw) read.headers.emplace_back(name, value);
  read.body = wholeBody(request.raw);
  read.peerAddress = request.address;
  read.receivedAtNs = std::chrono::duration_cast<std::chrono::nanoseconds>(now().time_since_epoch()).count();
  return read;
}

Reply serve(const Rooms& rooms, Request& request) {
  auto& inbox = rooms.context.inbox;
  const auto endpoint =
      inbox.endpoints().find(request.organizationId, request.path["plugin"], request.path["token"]);
  if (!endpoint) return unknown();
  auto response = inbox.receive(*endpoint, read(request));
  // What a plugin answers is no page of this server's: a browser runs nothing of it.
  request.raw.response().set("Content-Security-Policy", "default-src 'none'; sandbox");
  Reply reply;
  reply.status = response.status;
  reply.contentType = "text/plain; charset=utf-8";
  reply.text = std::move(response.body);
  for (auto& [name, value] : response.headers) {
    if (Poco::icompare(name, "Content-Type") != 0)
      reply.headers.emplace_back(name, std::move(value));
    else if (!reply.text.empty())
      reply.contentType = std::move(value);
  }
  return reply;
}

}  // namespace

std::uint64_t bodyLimit(std::string_view path, std::uint64_t otherwise) {
  return hookIn(path) ? std::min(otherwise, webhook::maxBodyBytes) : otherwise;
}

std::string loggable(std::string_view path) {
  const auto hook = hookIn(path);
  if (!hook) return std::string(path);
  return std::string(path.substr(0, hook->token)) + "…" + std::string(path.substr(hook->end));
}

void addWebhookRoutes(Router& router, const Rooms& rooms) {
  Route route{"POST",
              "/{organization}/events/{plugin}/{token}",
              Access{true, auth::Role::member, "who knows the address; the plugin checks who sends"},
              "Takes a request of another system to a plugin: any method, and anything below",
              "webhooks",
              [rooms](Request& request) { return serve(rooms, request); }};
  route.raw = true;
  router.add(std::move(route));
}

}  // namespace dispatch::api
