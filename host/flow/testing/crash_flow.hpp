// The flow that the crash tests kill: one step of every effect, a host step, and steps that expand.
#pragma once

#include "base/base.hpp"
#include "flow/flow.hpp"
#include "flow/testing/fake_integrations.hpp"

#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace dispatch::flow::testing {

inline const char* const kCrashKind = "test.crash";

inline Definition crashDefinition() {
  return Definition::parse(Json::parse(R"({"kind": "test.crash", "title": "Crash", "steps": [
    {"key": "look", "title": "Look", "plugin": "contact", "method": "get"},
    {"key": "note", "title": "Note", "wants": ["look"]},
    {"key": "make", "title": "Make", "plugin": "ticket", "method": "create", "wants": ["note"]},
    {"key": "set", "title": "Set", "plugin": "ticket", "method": "update", "needs": ["make"]},
    {"key": "tell", "title": "Tell", "plugin": "email", "method": "send", "wants": ["set"]},
    {"key": "many", "title": "Many", "plugin": "email", "wants": ["tell"]},
    {"key": "last", "title": "Last", "wants": ["many"]}]})"));
}

inline void defineCrashFlow(Engine& engine) {
  const auto note = [](StepContext& context) -> std::variant<Json, Skip> {
    // Written through the session: if it shows twice, a transaction was applied twice.
    context.session.insert(
        "audit",
        {{"actor", "test"}, {"action", context.key}, {"subject", "flow"}, {"created_at", nowText()}});
    return Json{{"noted", true}};
  };
  std::map<std::string, Binding> bindings;
  const auto input = [](StepContext& context) -> std::variant<Json, Skip> {
    return Json{{"step", context.key}};
  };
  bindings["look"] = {.prepare = input};
  bindings["note"] = {.run = note};
  bindings["make"] = {.prepare = input,
                      .apply = [note](StepContext& context, const Json&) { note(context); }};
  bindings["set"] = {.prepare = [](StepContext& context) -> std::variant<Json, Skip> {
    return Json{{"step", "set"}, {"ticket", context.output("make").at("resource_id")}};
  }};
  bindings["tell"] = {.prepare = input,
                      .apply = [note](StepContext& context, const Json&) { note(context); }};
  bindings["many"] = {.run = note, .expand = [](StepContext&, const Json&) {
                        std::vector<Child> children;
                        for (const char* one : {"1", "2"})
                          children.push_back({.key = one,
                                              .title = std::string("Mail ") + one,
                                              .pluginType = "email",
                                              .method = "send",
                                              .input = {{"step", std::string("many/") + one}}});
                        return children;
                      }};
  bindings["many/*"] = {.apply = [note](StepContext& context, const Json&) { note(context); }};
  bindings["last"] = {.run = note};
  engine.define(crashDefinition(), std::move(bindings));
}

/// Deliveries of the whole test, of all processes.
inline std::vector<Json> readDeliveries(const std::string& file) {
  std::vector<Json> all;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) all.push_back(Json::parse(line));
  return all;
}

/// Plugins whose `find` answers from what has arrived.
inline void enableCrashPlugins(FakeIntegrations& plugins, const std::string& file) {
  using plugin::Effect;
  plugins.enable("contact").on("get", Effect::read,
                               plugins.counted("contact", "get", Json{{"fullname", "Ada"}}));
  plugins.enable("ticket")
      .on("create", Effect::findable,
          plugins.counted("ticket", "create", Json{{"resource_id", "T-1"}, {"weblink", "http://t/1"}}))
      .on("find", Effect::read,
          [file](const Json&, const plugin::CallOptions&) {
            for (const Json& one : readDeliveries(file))
              if (one.at("method") == "create")
                return answer({{"found", true}, {"resource_id", "T-1"}, {"weblink", "http://t/1"}});
            return answer({{"found", false}});
          })
      .on("update", Effect::idempotent, plugins.counted("ticket", "update", Json::object()));
  plugins.enable("email").on("send", Effect::atMostOnce,
                             plugins.counted("email", "send", Json{{"accepted", true}}));
}

}  // namespace dispatch::flow::testing
