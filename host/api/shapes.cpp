#include "api/shapes.hpp"

#include <initializer_list>
#include <utility>

namespace dispatch::api {

namespace {

Json text() { return {{"type", "string"}}; }
Json integer() { return {{"type", "integer"}}; }
Json number() { return {{"type", "number"}}; }
Json boolean() { return {{"type", "boolean"}}; }
Json instant() { return {{"type", "string"}, {"format", "date-time"}}; }
Json object() { return {{"type", "object"}}; }
Json oneOf(std::initializer_list<const char*> values) {
  Json schema = text();
  for (const char* value : values) schema["enum"].push_back(value);
  return schema;
}
Json withText(Json schema, const char* description) {
  schema["description"] = description;
  return schema;
}

/// An object that has all of these members.
Json record(std::initializer_list<std::pair<const char*, Json>> members) {
  Json schema{{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  for (const auto& [name, member] : members) {
    schema["properties"][name] = member;
    schema["required"].push_back(name);
  }
  return schema;
}

void optional(Json& schema, const char* name, Json member) { schema["properties"][name] = std::move(member); }

}  // namespace

Json reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }
Json nullable(Json schema) { return {{"anyOf", Json::array({std::move(schema), {{"type", "null"}}})}}; }
Json listOf(Json schema) { return {{"type", "array"}, {"items", std::move(schema)}}; }
Json pageOf(const std::string& item) {
  return record({{"items", listOf(reference(item))},
                 {"itemsPerPage", integer()},
                 {"page", integer()},
                 {"total", integer()}});
}

Json shapes() {
  Json all;
  all["Step"] = record(
      {{"id", integer()},
       {"parent_id", nullable(integer())},
       {"key", withText(text(), "what the step is in its flow: ticket, participants, …")},
       {"title", text()},
       {"plugin_type", text()},
       {"plugin", withText(nullable(text()), "slug of the plugin that does it")},
       {"plugin_title", nullable(text())},
       {"method", text()},
       {"state", withText(oneOf({"pending", "running", "waiting", "done", "failed", "skipped", "uncertain"}),
                          "uncertain: it may have happened; a person says whether")},
       {"reason", withText(nullable(text()), "why it is skipped, failed or waiting")},
       {"attempt", integer()},
       {"next_try_at", nullable(instant())},
       {"effect", nullable(text())},
       {"required", boolean()},
       {"actor", withText(nullable(text()), "who retried, skipped or confirmed it")},
       {"started_at", nullable(instant())},
       {"finished_at", nullable(instant())},
       {"actions", withText(listOf(oneOf({"retry", "skip", "confirm"})), "what may be done with it now")}});
  all["Flow"] = record({{"id", integer()},
                        {"kind", withText(text(), "incident.create, incident.update, …")},
                        {"title", text()},
                        {"state", oneOf({"running", "done", "failed", "cancelled"})},
                        {"created_at", instant()},
                        {"finished_at", nullable(instant())},
                        {"steps", listOf(reference("Step"))}});
  all["Flows"] = record({{"flows", withText(listOf(reference("Flow")), "the newest first")}});

  all["ProjectMembership"] =
      record({{"project", reference("ProjectRead")}, {"default", boolean()}, {"role", text()}});
  all["Admission"] = record({{"token", withText(text(), "a bearer token (RFC 6750)")},
                             {"projects", listOf(reference("ProjectMembership"))},
                             {"admin_missing", boolean()},
                             {"admin_command", text()}});
  all["Session"] =
      record({{"email", text()},
              {"user_id", integer()},
              {"role", oneOf({"Owner", "Manager", "Admin", "Member"})},
              {"organization", record({{"id", integer()}, {"slug", text()}})},
              {"csrf_token", withText(text(), "sent back as X-CSRF-Token; empty with a bearer token")},
              {"projects", listOf(reference("ProjectMembership"))},
              {"version", withText(text(), "of the server")},
              {"admin_missing", withText(boolean(), "nobody can administer the organization yet")},
              {"admin_command", withText(text(), "the command that makes one; empty when there is one")}});
  all["AuthProvider"] = record({{"id", text()},
                                {"title", text()},
                                {"actions", listOf(text())},
                                {"forms", withText(object(), "JSON Schema of the form, by action")}});
  all["AuthProviders"] =
      record({{"providers", listOf(reference("AuthProvider"))},
              {"registration_enabled", boolean()},
              {"admin_missing", boolean()},
              {"admin_command", text()},
              {"nobody_registered", withText(boolean(), "the first account is still to be made")}});
  all["UserSettings"] = record(
      {{"id", integer()}, {"dispatch_user_id", integer()}, {"auto_add_to_incident_bridges", boolean()}});

  all["OutboundRequest"] = record({{"at", instant()},
                                   {"method", text()},
                                   {"host", text()},
                                   {"port", integer()},
                                   {"path", text()},
                                   {"status", withText(integer(), "0: no answer came")},
                                   {"milliseconds", number()},
                                   {"error", text()}});
  all["PluginMetric"] =
      record({{"name", text()},
              {"kind", oneOf({"counter", "gauge", "histogram"})},
              {"help", text()},
              {"samples", listOf(record({{"labels", withText(object(), "their values, by name")},
                                         {"value", withText(number(), "of a histogram: the sum")},
                                         {"count", withText(integer(), "how often it was recorded")}}))}});
  all["Running"] = withText(
      record({{"home", oneOf({"process", "worker"})},
              {"version", text()},
              {"process", withText(integer(), "process id of its worker; 0 without one")},
              {"sandbox", withText(text(), "the level that this kernel let it reach")},
              {"memory_bytes", integer()},
              {"restarts", integer()},
              {"denied", withText(integer(), "system calls refused so far")},
              {"last_denied", text()},
              {"last_crash", text()},
              {"last_crash_at", text()},
              {"calls", integer()},
              {"failures", integer()},
              {"in_flight", integer()},
              {"p50_ms", number()},
              {"p99_ms", number()},
              {"last_error", text()},
              {"last_error_at", text()},
              {"breaker", withText(oneOf({"closed", "open", "probing"}),
                                   "open: it failed so often in a row that it is left alone")},
              {"breaker_until", withText(text(), "when it is asked again; empty where it is closed")},
              {"outbound", withText(listOf(reference("OutboundRequest")), "the last ones")},
              {"metrics", withText(listOf(reference("PluginMetric")), "what it counts itself")}}),
      "where an instance lives, and how that goes");
  all["Granted"] =
      withText(record({{"kind", oneOf({"http", "stream", "private network", "service", "event", "webhook",
                                       "command", "header"})},
                       {"asked", withText(text(), "as the manifest has it; empty: not asked for one by one")},
                       {"granted", withText(nullable(text()), "what it comes to now; null: nothing")},
                       {"note", withText(text(), "why nothing, or who grants it")}}),
               "what the manifest asks for, and what an instance has of it now");
  all["Webhook"] = withText(record({{"url", withText(text(), "a secret: who knows it can send")}}),
                            "where other systems send their requests to the plugin; for Admins");
  all["Source"] = withText(record({{"next_poll_at", instant()},
                                   {"polling", withText(boolean(), "it is asked at the moment")},
                                   {"polls", integer()},
                                   {"failures", withText(integer(), "in a row, so far")},
                                   {"last_polled_at", nullable(instant())},
                                   {"last_error", nullable(text())},
                                   {"events", withText(integer(), "what it has told so far")},
                                   {"last_event_at", nullable(instant())}}),
                           "how a plugin that looks outside by itself does");
  all["WebhookDelivery"] =
      record({{"id", integer()},
              {"delivery_id", withText(nullable(text()), "by the sender's count, as the plugin read it")},
              {"method", text()},
              {"path", withText(text(), "below the plugin's address")},
              {"peer_address", text()},
              {"body_bytes", integer()},
              {"state", oneOf({"running", "waiting", "done", "refused", "duplicate", "failed"})},
              {"attempt", integer()},
              {"next_try_at", nullable(instant())},
              {"response_status", nullable(integer())},
              {"reason", nullable(text())},
              {"received_at", instant()},
              {"finished_at", nullable(instant())},
              {"retryable", boolean()}});
  all["WebhookDeliveries"] =
      record({{"items", withText(listOf(reference("WebhookDelivery")), "the last 50, the newest first")}});
  auto check = record({{"name", text()}, {"ok", boolean()}});
  optional(check, "detail", text());
  all["TestResult"] = record({{"ok", boolean()},
                              {"summary", text()},
                              {"message", withText(text(), "why the test itself could not end")},
                              {"checks", listOf(check)}});

  all["OrganizationEvent"] = withText(
      record({{"subject", withText(text(), "incident, flow, plugin_instance, …")},
              {"id", integer()},
              {"change", text()},
              {"data", withText(object(), "what helps to decide whether it concerns the page")}}),
      "data of a message without an event name; `ready` opens a stream and `resync` says that something was "
      "missed");
  return all;
}

}  // namespace dispatch::api
