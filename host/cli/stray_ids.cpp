#include "cli/stray_ids.hpp"

#include "base/base.hpp"
#include "cli/installation.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace dispatch::cli {

namespace {

namespace fs = std::filesystem;

/// What the manifest says, whoever signed it; "" where it cannot be read.
std::string idInManifest(const fs::path& package) {
  try {
    constexpr std::uintmax_t most = 1u << 20;
    const auto path = package / "plugin.json";
    if (!fs::is_regular_file(path) || fs::file_size(path) > most) return {};
    std::ifstream file(path);
    return textOr(Json::parse(file), "id");
  } catch (const std::exception&) {
    return {};
  }
}

/// Directories are called <id> or <id>@<version>, and the manifest may say otherwise.
std::vector<std::string> installedIds(const config::Settings& settings) {
  std::vector<std::string> ids;
  for (const auto& directory : pluginDirectories(settings)) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
      const auto name = entry.path().filename().string();
      if (name.front() == '.') continue;
      ids.push_back(name.substr(0, name.find('@')));
      if (auto id = idInManifest(entry.path()); !id.empty()) ids.push_back(std::move(id));
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

struct Named {
  std::string key, id, pointer;
};

std::string pointerPart(const std::string& text) {  // RFC 6901, section 3
  std::string escaped;
  for (const char c : text) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return escaped;
}

std::vector<Named> namedIn(const Json& yaml) {
  std::vector<Named> all;
  if (!yaml.is_object()) return all;
  const auto isolation = yaml.value("isolation", Json());
  if (isolation.is_object())
    for (const auto& entry : isolation.items())
      all.push_back({"isolation", entry.key(), "/isolation/" + pointerPart(entry.key())});
  for (const char* key : {"unsigned", "allow", "commands"}) {
    const auto list = yaml.value(key, Json());
    for (std::size_t i = 0; list.is_array() && i < list.size(); ++i)
      all.push_back({key, list[i].is_string() ? list[i].get<std::string>() : textOr(list[i], "plugin"),
                     std::string("/") + key + '/' + std::to_string(i)});
  }
  return all;
}

}  // namespace

std::vector<std::string> strayIds(const config::Settings& settings) {
  std::vector<std::string> warnings;
  const auto named = namedIn(settings.yaml());
  if (named.empty()) return warnings;
  const auto known = installedIds(settings);
  const auto file = fs::path(settings.yamlPath()).filename().string();
  for (const auto& one : named) {
    // What is no id at all is refused where it is read.
    if (one.id.empty() || one.id == "*" || std::binary_search(known.begin(), known.end(), one.id)) continue;
    const auto line = settings.yamlLine(one.pointer);
    warnings.push_back(file + (line ? " line " + std::to_string(*line) : "") + ": `" + one.key + ":` names " +
                       one.id + ", which is not installed" + config::didYouMean(one.id, known));
  }
  return warnings;
}

}  // namespace dispatch::cli
