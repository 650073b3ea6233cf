#include "base/problem.hpp"
#include "plugin/package/json_schema.hpp"
#include "plugin/package/package.hpp"

#include <dispatch/abi.h>

#include <algorithm>

namespace dispatch::plugin {

namespace {

constexpr int maxConcurrencyLimit = 64;  // the width of the word that holds an instance's turns
constexpr std::int64_t maxTimeoutMs = 3'600'000;

[[noreturn]] void refuse(const std::string& message, std::vector<std::string> location = {}) {
  throw Problem(Problem::Kind::invalid, "plugin.json: " + message, std::move(location))
      .withType("plugin_manifest");
}

std::string text(const Json& manifest, const char* key) { return textOr(manifest, key); }

void checkId(const std::string& id) {
  const bool characters = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (id.size() < 3 || id.size() > 64 || !characters || id.front() == '-' || id.back() == '-')
    refuse("id \"" + id + "\" must be 3 to 64 lower-case letters, digits and inner hyphens.", {"id"});
}

bool plainFileName(const std::string& name) {
  return !name.empty() && name.size() <= 255 && name.find('/') == std::string::npos && name != "." &&
         name != ".." && name.find('\0') == std::string::npos;
}

std::chrono::milliseconds timeoutOf(const Json& value, const std::string& name) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 1 || value.get<std::int64_t>() > maxTimeoutMs)
    refuse(name + " must be 1 to " + std::to_string(maxTimeoutMs) + " milliseconds.", {name});
  return std::chrono::milliseconds(value.get<std::int64_t>());
}

void takeFiles(const Json& files, Manifest& manifest) {
  for (const auto& entry : files.items()) {
    const auto hash = entry.value().is_string() ? entry.value().get<std::string>() : "";
    if (!plainFileName(entry.key()))
      refuse("files names \"" + entry.key() + "\", which is no plain file name.", {"files"});
    if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos)
      refuse("files." + entry.key() +
                 " must be a BLAKE2b-256 hash in 64 lower-case hexadecimal digits (b2sum -l 256).",
             {"files", entry.key()});
    manifest.files.emplace(entry.key(), hash);
  }
  if (manifest.files.count(manifest.library) == 0)
    refuse("library is \"" + manifest.library + "\", which files does not list.", {"library"});
}

}  // namespace

Manifest parseManifest(std::string_view bytes, const Json& schema) {
  Json json;
  try {
    json = parseJson(bytes, "plugin.json");
  } catch (const Problem& problem) {
    throw Problem(Problem::Kind::invalid, std::string(problem.what()) + ". Install the package again.")
        .withType("plugin_manifest");
  }
  if (!json.is_object()) refuse("must be a JSON object.");
  if (const auto violations = JsonSchema(schema, "plugin.schema.json").check(json); !violations.empty())
    refuse(JsonSchema::sentence(violations) + ".", violations.front().location);

  Manifest manifest;
  manifest.id = text(json, "id");
  checkId(manifest.id);
  manifest.title = textOr(json, "title", manifest.id);
  manifest.description = text(json, "description");
  manifest.version = text(json, "version");
  manifest.type = text(json, "type");
  manifest.author = text(json, "author");
  manifest.authorUrl = text(json, "author_url");
  manifest.license = text(json, "license");
  manifest.library = text(json, "library");
  manifest.abi = text(json, "abi");
  if (manifest.version.empty()) refuse("version is required.", {"version"});
  if (manifest.type.empty()) refuse("type is required.", {"type"});
  if (manifest.abi != std::to_string(DISPATCH_ABI_MAJOR))
    refuse("abi is \"" + manifest.abi + "\"; this host speaks \"" + std::to_string(DISPATCH_ABI_MAJOR) +
               "\". Install a version of the plugin made for it.",
           {"abi"});
  if (!plainFileName(manifest.library))
    refuse("library must be the name of a file in the package.", {"library"});
  manifest.multiple = json.value("multiple", false);
  manifest.enabledByDefault = json.value("enabled_by_default", false);
  // A manifest may allow more than this host makes use of.
  manifest.maxConcurrency = std::clamp(json.value("max_concurrency", 1), 1, maxConcurrencyLimit);
  if (json.contains("timeout_ms")) manifest.timeout = timeoutOf(json["timeout_ms"], "timeout_ms");
  const Json timeouts = json.value("timeouts_ms", Json::object());
  for (const auto& entry : timeouts.items())
    manifest.timeouts.emplace(entry.key(), timeoutOf(entry.value(), "timeouts_ms." + entry.key()));
  takeFiles(json.value("files", Json::object()), manifest);
  manifest.permissions = json.value("permissions", Json::object());
  manifest.metrics = readMetrics(json.value("metrics", Json::array()));
  manifest.configurationSchema =
      json.value("configuration", Json{{"type", "object"}, {"properties", Json::object()}});
  try {
    const JsonSchema compiled(manifest.configurationSchema, "configuration");
  } catch (const Problem& problem) {
    refuse(problem.what(), {"configuration"});
  }
  return manifest;
}

}  // namespace dispatch::plugin
