#include "api/resource/routes.hpp"
#include "api/routes/routes_of.hpp"

namespace dispatch::api {

namespace {

integrations::Enablement required(const Rooms& rooms, const Request& request, std::int64_t id) {
  auto enablement = rooms.context.integrations.get(id);
  if (enablement.organizationId != request.organizationId)
    throw Problem(Problem::Kind::notFound,
                  "No plugin instance with id " + std::to_string(id) + " exists in this organization");
  return enablement;
}

Reply answer(const Rooms& rooms, Request& request, std::int64_t id) {
  const auto enablement = required(rooms, request, id);
  Json row = readOne(*rooms.context.database.session(), rooms.resources,
                     rooms.resources.get("PluginInstance"), request, id);
  row["configuration"] = enablement.configuration;
  const auto installed = rooms.context.catalog.find(enablement.pluginId);
  if (installed && installed->manifest.permissions.value("webhook", false))
    row["webhook"] = {
        {"url", rooms.context.settings.text("DISPATCH_UI_URL") + rooms.context.inbox.endpoints().path(id)}};
  if (installed)
    row["granted"] =
        plugin::describeGranted(installed->manifest, enablement.configuration, rooms.context.settings.yaml());
  row["source"] = rooms.context.poller.show(id);
  if (const auto serving = rooms.context.integrations.byId(id); serving.instance)
    row["running"] = integrations::describeRunning(*serving.instance);
  return Reply::json(std::move(row));
}

void needWebhook(const Rooms& rooms, const integrations::Enablement& enablement) {
  const auto installed = rooms.context.catalog.find(enablement.pluginId);
  if (!installed || !installed->manifest.permissions.value("webhook", false))
    throw Problem(Problem::Kind::conflict,
                  "The plugin " + enablement.pluginId + " takes no requests of other systems");
}

std::optional<bool> enabledOf(const Json& body) {
  const auto found = body.find("enabled");
  if (found == body.end() || found->is_null()) return std::nullopt;
  if (!found->is_boolean())
    throw Problem(Problem::Kind::invalid, "enabled must be true or false", {"body", "enabled"});
  return found->get<bool>();
}

Json configurationOf(const Json& body) {
  const auto found = body.find("configuration");
  if (found == body.end() || found->is_null() || (found->is_object() && found->empty())) return nullptr;
  if (!found->is_object())
    throw Problem(Problem::Kind::invalid, "configuration must be an object", {"body", "configuration"});
  return *found;
}

}  // namespace

void addPluginRoutes(Router& router, const Rooms& rooms) {
  const auto admin = Access::atLeast(auth::Role::admin);
  const Resource& resource = rooms.resources.get("PluginInstance");
  const std::string all = "/{organization}/plugins/instances";
  const std::string one = all + "/{plugin_instance_id}";
  router.add({"GET", all, Access::atLeast(auth::Role::member), "List plugin instances", "plugins",
              [rooms, &resource](Request& request) {
                return Reply::json(writtenListPage(*rooms.context.database.session(), rooms.resources,
                                                   rooms.models, resource, request));
              },
              nullptr, pageOf("PluginInstanceRead")});
  router.add({"GET", one, admin, "Get a plugin instance with its configuration, secrets masked", "plugins",
              [rooms](Request& request) { return answer(rooms, request, request.id("plugin_instance_id")); },
              nullptr, reference("PluginInstanceRead")});
  router.add(
      {"POST", all, admin, "Add a plugin to a project", "plugins",
       [rooms](Request& request) {
         const auto plugin =
             request.body.is_object() ? request.body.value("plugin", Json::object()) : Json::object();
         const auto project =
             request.body.is_object() ? request.body.value("project", Json::object()) : Json::object();
         const auto session = rooms.context.database.session();
         const auto pluginRow =
             plugin.contains("id") && plugin["id"].is_number_integer()
                 ? session->one("SELECT slug FROM plugin WHERE id = ?", {plugin["id"].get<std::int64_t>()})
                 : session->one("SELECT slug FROM plugin WHERE slug = ?", {textOr(plugin, "slug")});
         if (!pluginRow)
           throw Problem(Problem::Kind::invalid, "plugin.id names no installed plugin",
                         {"body", "plugin", "id"});
         const auto projectRow = session->one("SELECT id FROM project WHERE organization_id = ? AND name = ?",
                                              {request.organizationId, textOr(project, "name")});
         if (!projectRow)
           throw Problem(Problem::Kind::invalid, "project.name names no project of this organization",
                         {"body", "project", "name"});
         const auto added = rooms.context.integrations.add(
             request.organizationId, projectRow->integer("id"), pluginRow->text("slug"),
             enabledOf(request.body).value_or(false), configurationOf(request.body), request.who.email);
         return answer(rooms, request, added.id);
       },
       nullptr, reference("PluginInstanceRead")});
  router.add({"PUT", one, admin, "Enable, disable or configure a plugin", "plugins",
              [rooms](Request& request) {
                const auto id = request.id("plugin_instance_id");
                required(rooms, request, id);
                if (!request.body.is_object())
                  throw Problem(Problem::Kind::invalid, "The body must be a JSON object", {"body"});
                rooms.context.integrations.change(id, enabledOf(request.body), configurationOf(request.body),
                                                  request.who.email);
                return answer(rooms, request, id);
              },
              nullptr, reference("PluginInstanceRead")});
  router.add({"DELETE", one, admin, "Take a plugin out of a project", "plugins", [rooms](Request& request) {
                const auto id = request.id("plugin_instance_id");
                required(rooms, request, id);
                rooms.context.integrations.remove(id, request.who.email);
                return Reply::json(nullptr);
              }});
  router.add({"POST", one + "/test", admin, "Try the configuration, saved or not", "plugins",
              [rooms](Request& request) {
                const auto id = request.id("plugin_instance_id");
                required(rooms, request, id);
                const Json body = request.body.is_object() ? request.body : Json::object();
                const auto outcome = rooms.context.integrations.test(id, configurationOf(body),
                                                                     body.value("input", Json::object()));
                Json result = outcome.value.is_object() ? outcome.value : Json::object();
                if (!result.contains("checks")) result["checks"] = Json::array();
                // The plugin says whether it found a fault; a call that did not end well says so, too.
                bool ok = outcome.ok() && result.value("ok", true);
                for (const auto& check : result["checks"]) ok = ok && check.value("ok", false);
                result["ok"] = ok;
                result["message"] = outcome.message;
                if (!result.contains("summary")) result["summary"] = outcome.ok() ? "" : outcome.message;
                return Reply::json(std::move(result));
              },
              nullptr, reference("TestResult")});
  router.add(
      {"POST", one + "/webhook/rotate", admin,
       "Give a plugin another address for the requests of other systems; the former one is unknown at once",
       "plugins",
       [rooms](Request& request) {
         const auto id = request.id("plugin_instance_id");
         needWebhook(rooms, required(rooms, request, id));
         rooms.context.inbox.endpoints().rotate(id, request.who.email);
         return answer(rooms, request, id);
       },
       nullptr, reference("PluginInstanceRead")});
  router.add(
      {"POST", one + "/poll", admin,
       "Ask a plugin that looks outside now what came; {\"start_over\": true}: from its beginning", "plugins",
       [rooms](Request& request) {
         const auto id = request.id("plugin_instance_id");
         required(rooms, request, id);
         const bool startOver = request.body.is_object() && request.body.value("start_over", Json()) == true;
         rooms.context.poller.pollNow(id, startOver, request.who.email);
         return answer(rooms, request, id);
       },
       nullptr, reference("PluginInstanceRead")});
  router.add({"GET", one + "/deliveries", admin, "List the last requests of other systems to a plugin",
              "plugins",
              [rooms](Request& request) {
                const auto id = request.id("plugin_instance_id");
                required(rooms, request, id);
                return Reply::json({{"items", rooms.context.inbox.list(id)}});
              },
              nullptr, reference("WebhookDeliveries")});
  router.add({"POST", one + "/deliveries/{delivery_id}/retry", admin,
              "Bring a request that waits or has failed to its plugin now", "plugins",
              [rooms](Request& request) {
                const auto id = request.id("plugin_instance_id");
                required(rooms, request, id);
                rooms.context.inbox.retry(id, request.id("delivery_id"), request.who.email);
                return Reply::json(nullptr);
              }});
}

}  // namespace dispatch::api
