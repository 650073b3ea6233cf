// An installation with fake plugins, for the tests of this room.
#pragma once

#include "incident/incident.hpp"

#include "base/base.hpp"
#include "flow/testing/fake_integrations.hpp"
#include "store/testing/test_database.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace dispatch::incident::testing {

using namespace std::chrono_literals;
using flow::testing::answer;
using flow::testing::refusal;
using plugin::Effect;

inline store::Models models() {
  using Type = store::Column::Type;
  store::Models all;
  all.add({.name = "Incident",
           .table = "incident",
           .columns = {{"id", Type::integer}, {"status", Type::text}, {"title", Type::text}},
           .relations = {{.name = "incident_priority",
                          .model = "IncidentPriority",
                          .column = "incident_priority_id",
                          .through = "",
                          .throughLocal = "",
                          .throughRemote = "",
                          .aliases = {}}}});
  all.add({.name = "IncidentPriority",
           .table = "incident_priority",
           .columns = {{"id", Type::integer}, {"name", Type::text}},
           .relations = {}});
  return all;
}

class IncidentRoom : public store::testing::DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseTest::SetUp();
    engine = flow::Engine::open(db(), plugins, {.retryFirst = 1ms, .retryMost = 5ms, .heartbeat = 50ms});
    incidents = std::make_unique<Incidents>(
        Context{db(), *engine, plugins, "https://dispatch.example.com", described});
    incidents->defineFlows();
  }
  void TearDown() override {
    engine.reset();
    DatabaseTest::TearDown();
  }

  static auth::Principal principal(const std::string& email, auth::Role role = auth::Role::member,
                                   std::int64_t organization = 1) {
    auth::Principal who;
    who.userId = 1;
    who.email = email;
    who.organizationId = organization;
    who.organizationSlug = "default";
    who.role = role;
    return who;
  }
  const auth::Principal ada = principal("ada@example.com"), grace = principal("grace@example.com"),
                        admin = principal("root@example.com", auth::Role::admin);

  static Json report(const Json& more = Json::object()) {
    Json body{{"title", "Checkout answers 503"}, {"description", "Since 14:02 one request in three fails."}};
    body.update(more);
    return body;
  }

  std::int64_t plugin(const std::string& type) {
    const std::string at = nowText(), slug = "fake-" + type;
    auto session = db().session();
    session->insert("plugin", {{"slug", slug},
                               {"title", "Fake " + type},
                               {"version", std::string("1")},
                               {"type", type},
                               {"created_at", at},
                               {"updated_at", at}});
    return session->insert("plugin_instance", {{"organization_id", std::int64_t{1}},
                                               {"project_id", std::int64_t{1}},
                                               {"plugin_slug", slug},
                                               {"enabled", true},
                                               {"created_at", at},
                                               {"updated_at", at}});
  }

  /// Everything at work, as after a good set-up.
  void enableAll() {
    plugins.enable("contact", plugin("contact"))
        .on("get", Effect::read, plugins.counted("contact", "get", [](const Json& input) {
          return answer({{"fullname", "Full " + input.at("email").get<std::string>()},
                         {"email", input.at("email")},
                         {"team", "Payments"},
                         {"location", "Turin"}});
        }));
    plugins.enable("ticket", plugin("ticket"))
        .on("create", Effect::findable,
            plugins.counted(
                "ticket", "create",
                Json{{"resource_id", "OPS-1"}, {"weblink", "https://t/OPS-1"}, {"resource_type", "fake"}}))
        .on("update", Effect::idempotent, plugins.counted("ticket", "update", Json::object()))
        .on("update_metadata", Effect::idempotent,
            plugins.counted("ticket", "update_metadata", Json::object()))
        .on("delete", Effect::idempotent, plugins.counted("ticket", "delete", Json::object()));
    plugins.enable("participant", plugin("participant"))
        .on("get", Effect::read,
            plugins.counted("participant", "get",
                            Json{{"individuals", {{{"email", "alan@example.com"}, {"name", "Alan"}}}},
                                 {"teams", Json::array()}}));
    plugins.enable("email", plugin("email"))
        .on("send", Effect::atMostOnce, plugins.counted("email", "send", [](const Json& input) {
          return answer({{"message_id", input.at("message_id")},
                         {"accepted", {input.at("to").at(0).at("email")}},
                         {"rejected", Json::array()}});
        }));
    plugins.enable("workflow", plugin("workflow"))
        .on("run", Effect::atMostOnce,
            plugins.counted("workflow", "run", Json{{"status", "Running"}, {"weblink", "https://w/1"}}));
    enableOutside();
  }

  /// Everything that an incident may have on the outside beside a ticket.
  void enableOutside() {
    const auto call = [this](const std::string& type, const std::string& method, const Json& output) {
      return plugins.counted(type, method, output);
    };
    const Json done = Json::object(), none{{"rejected", Json::array()}};
    plugins.enable("participant-group", plugin("participant-group"))
        .on("create", Effect::findable,
            plugins.counted("participant-group", "create",
                            [](const Json& input) {
                              const std::string name = input.at("name");
                              return answer({{"resource_id", "g-" + name},
                                             {"name", name},
                                             {"email", name + "@lists.example.com"},
                                             {"weblink", "https://g/" + name}});
                            }))
        .on("add", Effect::idempotent, call("participant-group", "add", none))
        .on("remove", Effect::idempotent, call("participant-group", "remove", done))
        .on("delete", Effect::idempotent, call("participant-group", "delete", done));
    auto& storage = plugins.enable("storage", plugin("storage"));
    storage.on("create", Effect::findable, plugins.counted("storage", "create", [](const Json& input) {
      const std::string name = input.at("name");
      return answer({{"resource_id", "s-" + name}, {"name", name}, {"weblink", "https://s/" + name}});
    }));
    for (const char* method : {"open", "mark_readonly", "delete", "revoke"})
      storage.on(method, Effect::idempotent, call("storage", method, done));
    storage.on("grant", Effect::idempotent, call("storage", "grant", none));
    plugins.enable("document", plugin("document"))
        .on("update", Effect::idempotent, call("document", "update", Json{{"replaced", 1}}));
    plugins.enable("conference", plugin("conference"))
        .on("create", Effect::findable,
            call("conference", "create",
                 Json{{"resource_id", "room-1"}, {"weblink", "https://meet/1"}, {"challenge", "4711"}}));
    auto& conversation = plugins.enable("conversation", plugin("conversation"));
    conversation.on("create", Effect::findable,
                    call("conversation", "create",
                         Json{{"resource_id", "C1"}, {"name", "inc-1"}, {"weblink", "https://chat/C1"}}));
    for (const char* method :
         {"remove", "set_topic", "set_description", "add_bookmark", "rename", "archive", "unarchive"})
      conversation.on(method, Effect::idempotent, call("conversation", method, done));
    for (const char* method : {"send", "send_ephemeral", "announce"})
      conversation.on(method, Effect::atMostOnce, call("conversation", method, done));
    conversation.on("add", Effect::idempotent, call("conversation", "add", none));
    plugins.enable("oncall", plugin("oncall"))
        .on("get", Effect::read, call("oncall", "get", Json{{"email", "oncall@example.com"}}))
        .on("get_next", Effect::read, call("oncall", "get_next", Json{{"email", "next@example.com"}}))
        .on("page", Effect::atMostOnce, call("oncall", "page", done));
  }

  void addNotification(const std::string& name, const std::string& target, const Json& expression = nullptr,
                       const std::string& type = "email") {
    const std::string at = nowText();
    auto session = db().session();
    const auto id = session->insert("notification", {{"organization_id", std::int64_t{1}},
                                                     {"project_id", std::int64_t{1}},
                                                     {"name", name},
                                                     {"type", type},
                                                     {"target", target},
                                                     {"created_at", at},
                                                     {"updated_at", at}});
    if (expression.is_null()) return;
    const auto filter = session->insert("search_filter", {{"organization_id", std::int64_t{1}},
                                                          {"project_id", std::int64_t{1}},
                                                          {"name", name},
                                                          {"expression", dumpJson(expression)},
                                                          {"created_at", at},
                                                          {"updated_at", at}});
    session->execute("INSERT INTO notification_filter (notification_id, search_filter_id) VALUES (?, ?)",
                     {id, filter});
  }

  /// Waits until nothing of the incident's flows is open, and answers the states by key of its newest flow of
  /// `kind`.
  std::map<std::string, std::string> settled(const std::string& kind = "incident.create") {
    for (const auto end = std::chrono::steady_clock::now() + 15s; std::chrono::steady_clock::now() < end;
         std::this_thread::sleep_for(5ms))
      if (db().session()
              ->one("SELECT count(*) AS n FROM flow_step WHERE state IN ('pending', 'running')")
              ->integer("n") == 0)
        break;
    std::map<std::string, std::string> states;
    const auto flow =
        db().session()->one("SELECT id FROM flow WHERE kind = ? ORDER BY id DESC LIMIT 1", {kind});
    if (!flow) return states;
    for (const auto& row : db().session()->query("SELECT \"key\", state FROM flow_step WHERE flow_id = ?",
                                                 {flow->integer("id")}))
      states[row.text("key")] = row.text("state");
    return states;
  }

  store::Row row(std::int64_t id) {
    return *db().session()->one("SELECT * FROM incident WHERE id = ?", {id});
  }
  std::vector<std::string> timeline(std::int64_t id) {
    std::vector<std::string> texts;
    for (const auto& one :
         db().session()->query("SELECT description FROM event WHERE incident_id = ? ORDER BY id", {id}))
      texts.push_back(one.text("description"));
    return texts;
  }
  bool onTimeline(std::int64_t id, const std::string& text) {
    const auto texts = timeline(id);
    return std::any_of(texts.begin(), texts.end(),
                       [&](const std::string& one) { return one.find(text) != std::string::npos; });
  }
  std::set<std::string> rolesOf(std::int64_t id, const std::string& email) {
    std::set<std::string> roles;
    for (const auto& one : db().session()->query(
             "SELECT r.role FROM participant_role r JOIN participant p ON p.id = r.participant_id JOIN "
             "individual_contact ic ON ic.id = p.individual_contact_id "
             "WHERE p.incident_id = ? AND ic.email = ? AND r.renounced_at IS NULL",
             {id, email}))
      roles.insert(one.text("role"));
    return roles;
  }
  static std::optional<Problem> refused(const std::function<void()>& work) {
    try {
      work();
    } catch (const Problem& problem) {
      return problem;
    }
    return std::nullopt;
  }

  const store::Models described = models();
  flow::testing::Deliveries deliveries;
  flow::testing::FakeIntegrations plugins{deliveries};
  std::unique_ptr<flow::Engine> engine;
  std::unique_ptr<Incidents> incidents;
};

}  // namespace dispatch::incident::testing
