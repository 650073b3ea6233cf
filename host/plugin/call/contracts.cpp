#include "plugin/call/contracts.hpp"

#include "base/problem.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace dispatch::plugin {

namespace {

constexpr const char* manifestSchemaName = "plugin.schema.json";

Json readJson(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    throw Problem(Problem::Kind::invalid,
                  path.string() +
                      " cannot be read. It belongs to the installation: install Dispatch "
                      "again, or set DISPATCH_CONTRACTS_DIR to where share/dispatch/contracts is.");
  return parseJson(text.str(), path.string());
}

}  // namespace

std::string_view nameOf(Effect effect) {
  switch (effect) {
    case Effect::read:
      return "read";
    case Effect::idempotent:
      return "idempotent";
    case Effect::findable:
      return "findable";
    case Effect::atMostOnce:
      return "at-most-once";
  }
  return "at-most-once";
}

Effect effectOf(std::string_view name) {
  for (const Effect effect : {Effect::read, Effect::idempotent, Effect::findable})
    if (nameOf(effect) == name) return effect;
  return Effect::atMostOnce;
}

Contracts::Contracts(const std::string& directory) {
  const std::filesystem::path folder(directory);
  _manifestSchema = readJson(folder / manifestSchemaName);
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    if (file.path().extension() != ".json" || file.path().filename() == manifestSchemaName) continue;
    auto json = readJson(file.path());
    if (!json.is_object() || !json.contains("methods")) continue;  // directory.json and the like
    const auto name = textOr(json, "type");
    if (name.empty() || !json["methods"].is_object())
      throw Problem(Problem::Kind::invalid,
                    file.path().string() + " is no contract: it needs \"type\" and \"methods\".");
    Type type;
    for (const auto& entry : json["methods"].items()) {
      const auto what = "The contract " + name + '.' + entry.key();
      Method method;
      method.effect = effectOf(textOr(entry.value(), "effect"));
      method.revision = entry.value().value("revision", 1u);
      method.optional = entry.value().value("optional", false);
      method.input =
          std::make_unique<JsonSchema>(entry.value().value("input", Json::object()), what + "'s input");
      method.output =
          std::make_unique<JsonSchema>(entry.value().value("output", Json::object()), what + "'s output");
      type.methods.emplace(entry.key(), std::move(method));
    }
    type.contract = std::move(json);
    _types.emplace(name, std::move(type));
  }
}

const Contracts::Method* Contracts::method(std::string_view type, std::string_view name) const {
  const auto found = _types.find(type);
  if (found == _types.end()) return nullptr;
  const auto method = found->second.methods.find(name);
  return method == found->second.methods.end() ? nullptr : &method->second;
}

const Json* Contracts::contract(std::string_view type) const {
  const auto found = _types.find(type);
  return found == _types.end() ? nullptr : &found->second.contract;
}

std::vector<std::string> Contracts::types() const {
  std::vector<std::string> names;
  for (const auto& entry : _types) names.push_back(entry.first);
  return names;
}

}  // namespace dispatch::plugin
