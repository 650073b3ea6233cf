#include "flow/definition.hpp"

#include "base/base.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dispatch::flow {
namespace {

[[noreturn]] void refuse(const std::string& kind, const std::string& what) {
  throw Problem(Problem::Kind::invalid, "flow " + (kind.empty() ? "definition" : kind) + ": " + what);
}

void onlyMembers(const std::string& kind, const std::string& where, const Json& object,
                 const std::set<std::string>& known) {
  if (!object.is_object()) refuse(kind, where + " must be an object, found " + object.type_name());
  for (const auto& [name, value] : object.items()) {
    if (known.contains(name)) continue;
    std::string names;
    for (const std::string& one : known) names += (names.empty() ? "" : ", ") + one;
    refuse(kind, where + " has the unknown member '" + name + "'; known are " + names);
  }
}

std::string text(const std::string& kind, const std::string& where, const Json& object, const char* member,
                 bool needed) {
  const auto found = object.find(member);
  if (found == object.end()) {
    if (needed) refuse(kind, where + " lacks '" + member + "'");
    return "";
  }
  if (!found->is_string() || (needed && found->get_ref<const std::string&>().empty()))
    refuse(kind, where + ": '" + member + "' must be text");
  return found->get<std::string>();
}

std::vector<std::string> keys(const std::string& kind, const std::string& where, const Json& object,
                              const char* member) {
  std::vector<std::string> result;
  const auto found = object.find(member);
  if (found == object.end()) return result;
  if (!found->is_array()) refuse(kind, where + ": '" + member + "' must be a list of step keys");
  for (const Json& one : *found) {
    if (!one.is_string()) refuse(kind, where + ": '" + member + "' must be a list of step keys");
    result.push_back(one.get<std::string>());
  }
  return result;
}

/// Throws if following `needs` and `wants` from a step leads back to it.
void refuseCircles(const Definition& definition) {
  std::map<std::string, const StepDefinition*> byKey;
  for (const StepDefinition& step : definition.steps) byKey[step.key] = &step;
  std::set<std::string> open, closed;
  std::function<void(const std::string&)> visit = [&](const std::string& key) {
    if (closed.contains(key)) return;
    if (!open.insert(key).second)
      refuse(definition.kind, "step '" + key + "' waits for itself through others");
    const StepDefinition& step = *byKey.at(key);
    for (const auto* list : {&step.needs, &step.wants})
      for (const std::string& other : *list) {
        if (!byKey.contains(other))
          refuse(definition.kind, "step '" + key + "' waits for '" + other + "', which is no step of it");
        visit(other);
      }
    open.erase(key);
    closed.insert(key);
  };
  for (const StepDefinition& step : definition.steps) visit(step.key);
}

}  // namespace

Json Definition::toJson() const {
  Json list = Json::array();
  for (const StepDefinition& step : steps) {
    Json one{{"key", step.key}, {"title", step.title}};
    if (!step.pluginType.empty()) one["plugin"] = step.pluginType;
    if (!step.method.empty()) one["method"] = step.method;
    if (!step.needs.empty()) one["needs"] = step.needs;
    if (!step.wants.empty()) one["wants"] = step.wants;
    if (step.required) one["required"] = true;
    list.push_back(std::move(one));
  }
  return {{"kind", kind}, {"title", title}, {"steps", std::move(list)}};
}

std::string Definition::digest() const { return digestHex(dumpJson(toJson())); }

Definition Definition::parse(const Json& json) {
  Definition definition;
  onlyMembers("", "it", json, {"kind", "title", "steps"});
  definition.kind = text("", "it", json, "kind", true);
  definition.title = text(definition.kind, "it", json, "title", true);
  const auto steps = json.find("steps");
  if (steps == json.end() || !steps->is_array() || steps->empty())
    refuse(definition.kind, "'steps' must be a list of steps");
  std::set<std::string> seen;
  for (const Json& one : *steps) {
    const std::string place = "step " + std::to_string(definition.steps.size() + 1);
    onlyMembers(definition.kind, place, one,
                {"key", "title", "plugin", "method", "needs", "wants", "required"});
    StepDefinition step;
    step.key = text(definition.kind, place, one, "key", true);
    if (step.key.find_first_of("/*@:") != std::string::npos)
      refuse(definition.kind, place + ": the key '" + step.key + "' must not contain / * @ or :");
    if (!seen.insert(step.key).second) refuse(definition.kind, "the key '" + step.key + "' appears twice");
    step.title = text(definition.kind, "step '" + step.key + "'", one, "title", true);
    step.pluginType = text(definition.kind, "step '" + step.key + "'", one, "plugin", false);
    step.method = text(definition.kind, "step '" + step.key + "'", one, "method", false);
    if (!step.method.empty() && step.pluginType.empty())
      refuse(definition.kind, "step '" + step.key + "' names a method but no plugin type");
    step.needs = keys(definition.kind, "step '" + step.key + "'", one, "needs");
    step.wants = keys(definition.kind, "step '" + step.key + "'", one, "wants");
    if (const auto required = one.find("required"); required != one.end()) {
      if (!required->is_boolean())
        refuse(definition.kind, "step '" + step.key + "': 'required' must be true or false");
      step.required = required->get<bool>();
    }
    definition.steps.push_back(std::move(step));
  }
  refuseCircles(definition);
  return definition;
}

}  // namespace dispatch::flow
