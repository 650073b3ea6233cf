#include "base/problem.hpp"
#include "config/entry.hpp"
#include "config/nearest_name.hpp"
#include "config/sources.hpp"
#include "config/yaml_file.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace dispatch::config {
namespace {

using Kind = Setting::Kind;

constexpr std::size_t kLongestYaml = 4 << 20;
constexpr std::string_view kPluginPrefix = "DISPATCH_PLUGIN_";
constexpr std::string_view kFileSuffix = "_FILE";
constexpr std::size_t kLongestShown = 60;

/// Top-level keys of dispatch.yaml and what each must be.
const std::vector<std::pair<std::string, Json::value_t>>& yamlKeys() {
  static const std::vector<std::pair<std::string, Json::value_t>> keys{
      {"settings", Json::value_t::object}, {"plugins", Json::value_t::array},
      {"allow", Json::value_t::array},     {"unsigned", Json::value_t::array},
      {"commands", Json::value_t::array},  {"isolation", Json::value_t::object},
      {"flows", Json::value_t::object}};
  return keys;
}

std::string lowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::string shown(const std::string& text) {
  return '"' + (text.size() > kLongestShown ? text.substr(0, kLongestShown) + "…" : text) + '"';
}

std::vector<std::string> namesOf(const Setting& setting) {
  std::vector<std::string> names{setting.name};
  names.insert(names.end(), setting.aliases.begin(), setting.aliases.end());
  return names;
}

std::vector<std::string> knownNames() {
  std::vector<std::string> names;
  for (const Setting& setting : config::settings())
    for (std::string& name : namesOf(setting)) names.push_back(std::move(name));
  return names;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string absolute(const std::string& path, const std::string& base) {
  std::filesystem::path whole =
      std::filesystem::absolute(std::filesystem::path(base) / path).lexically_normal();
  if (!whole.has_filename() && whole.has_relative_path()) whole = whole.parent_path();
  return whole.string();
}

std::vector<std::string> splitList(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t first = part.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) continue;
    parts.emplace_back(part.substr(first, part.find_last_not_of(" \t\r\n") - first + 1));
  }
  return parts;
}

[[noreturn]] void refuse(const Setting& setting, const Given& given, const std::string& expected) {
  throw Problem(Problem::Kind::invalid, setting.name + " (" + given.origin.source + "): expected " +
                                            expected + ", found " + shown(given.text) +
                                            "; correct it or leave it out for the default" +
                                            (setting.defaultText.empty() ? "" : " " + setting.defaultText));
}

/// The value in the one form that the rest of the program sees.
std::string checked(const Setting& setting, const Given& given) {
  const std::string& text = given.text;
  if (text.empty()) return text;
  switch (setting.kind) {
    case Kind::integer: {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc{} || end != text.data() + text.size() || number < setting.least ||
          number > setting.most)
        refuse(
            setting, given,
            "a whole number from " + std::to_string(setting.least) + " to " + std::to_string(setting.most));
      return text;
    }
    case Kind::boolean: {
      const std::string lower = lowerCase(text);
      if (lower == "true" || lower == "1" || lower == "yes" || lower == "on") return "true";
      if (lower == "false" || lower == "0" || lower == "no" || lower == "off") return "false";
      refuse(setting, given, "true or false");
    }
    case Kind::choice: {
      std::string all;
      for (const std::string& choice : setting.choices) {
        if (lowerCase(choice) == lowerCase(text)) return choice;
        all += (all.empty() ? "" : ", ") + choice;
      }
      refuse(setting, given, "one of " + all);
    }
    case Kind::url:
      if ((!text.starts_with("http://") && !text.starts_with("https://")) ||
          text.find_first_of(" \t\r\n\"<>") != std::string::npos || text.find("://") + 3 == text.size())
        refuse(setting, given, "an address that begins with http:// or https://");
      return text;
    case Kind::directory:
      return absolute(text, given.base);
    case Kind::directories: {
      std::string all;
      for (const std::string& part : splitList(text))
        all += (all.empty() ? "" : ",") + absolute(part, given.base);
      return all;
    }
    default:
      return text;
  }
}

/// `settings:` of dispatch.yaml. Values of secrets leave the document: everybody may see that.
Source yamlSource(const std::string& path, const std::string& directory, Json& yaml,
                  const std::map<std::string, int, std::less<>>& lines) {
  Source source(path, directory);
  const auto found = yaml.find("settings");
  if (found == yaml.end() || !found->is_object()) return source;
  const auto text = [](const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
  };
  for (auto& [name, value] : found->items()) {
    const auto line = lines.find("/settings/" + name);
    const int number = line == lines.end() ? 0 : line->second;
    std::string whole;
    if (value.is_array()) {
      for (const Json& part : value) {
        if (part.is_structured() || part.is_null())
          throw Problem(Problem::Kind::invalid,
                        path + ":" + std::to_string(number) + ": expected a list of plain values for " +
                            name + ", found a list with something else in it; write its entries as text");
        whole += (whole.empty() ? "" : ",") + text(part);
      }
    } else if (value.is_object()) {
      throw Problem(Problem::Kind::invalid, path + ":" + std::to_string(number) +
                                                ": expected a plain value or a list for " + name +
                                                ", found a mapping; write NAME: value");
    } else if (!value.is_null()) {
      whole = text(value);
    }
    source.add(name, std::move(whole), number);
    for (const Setting& setting : config::settings())
      if (setting.secret() && contains(namesOf(setting), name)) value = "**********";
  }
  return source;
}

void warnOfNames(const Source& source, bool everyName, std::vector<std::string>& warnings) {
  static const std::vector<std::string> known = knownNames();
  for (const std::string& name : source.names()) {
    const bool ours =
        name.starts_with("DISPATCH_") || name.starts_with("VITE_DISPATCH_") || name.starts_with("DATABASE_");
    if (!everyName && (!ours || name == "DISPATCH_CONFIG_DIR" || name == "DISPATCH_FAIL_POINT" ||
                       name.starts_with("DISPATCH_TEST_")))
      continue;
    std::string plain = name;
    if (plain.ends_with(kFileSuffix)) plain.resize(plain.size() - kFileSuffix.size());
    if (contains(known, name) || contains(known, plain)) continue;
    if (name.starts_with(kPluginPrefix) && name.find('_', kPluginPrefix.size()) != std::string::npos)
      continue;
    const std::string where = name + " (" + source.origin(name).source + ")";
    if (name == "DISPATCH_CONFIG_DIR")
      warnings.push_back(where + " has no effect here: it says where this file is");
    else if (contains(settingsWithoutEffect(), name))
      warnings.push_back(where + " is a setting of the original Dispatch that has no effect here");
    else
      warnings.push_back(where + " is not a setting" + didYouMean(name, known));
  }
}

}  // namespace

void Settings::Loader::readYaml() {
  settings._yamlPath = settings._paths.etc + "/dispatch.yaml";
  const std::string& path = settings._yamlPath;
  auto text = readFile(path, kLongestYaml, "configuration file");
  if (!text) return;
  YamlDocument document = parseYaml(*text, path);
  wipe(*text);
  settings._yaml = std::move(document.value);
  settings._yamlLines.insert(document.lines.begin(), document.lines.end());
  std::vector<std::string> known;
  for (const auto& [name, type] : yamlKeys()) known.push_back(name);
  for (const auto& [name, value] : settings._yaml.items()) {
    const std::string where = path + ":" + std::to_string(settings.yamlLine("/" + name).value_or(1)) + ": ";
    const auto key = std::find_if(yamlKeys().begin(), yamlKeys().end(),
                                  [&](const auto& entry) { return entry.first == name; });
    if (key == yamlKeys().end()) {
      settings._warnings.push_back(where + name + " is not a key of dispatch.yaml" + didYouMean(name, known));
    } else if (!value.is_null() && value.type() != key->second) {
      const bool list = key->second == Json::value_t::array;
      throw Problem(Problem::Kind::invalid,
                    where + "expected " + (list ? "a list" : "a mapping") + " under " + name + ", found " +
                        value.type_name() + "; see dispatch.yaml under share/dispatch/config for an example");
    }
  }
}

/// Until somebody says otherwise, people come to where the server listens. Every link is made by putting a
/// path behind the address, so it ends in no slash.
void Settings::Loader::followAddress() {
  auto& url = *settings._entries.find("DISPATCH_UI_URL")->second;
  while (url.text.ends_with('/')) url.text.pop_back();
  if (url.origin.source != "default" || settings.integer("DISPATCH_PORT") == 0) return;
  auto host = settings.text("DISPATCH_HOST");
  if (host.empty() || host == "0.0.0.0" || host == "::") host = "127.0.0.1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  url.text = "http://" + host + ":" + std::to_string(settings.integer("DISPATCH_PORT"));
}

void Settings::Loader::readEntries(const std::map<std::string, std::string>& commandLine) {
  std::vector<Source> sources;
  sources.emplace_back("command line", commandLine);
  sources.push_back(environmentSource());
  sources.push_back(envFileSource(settings._paths.etc, settings._warnings));
  sources.push_back(yamlSource(settings._yamlPath, settings._paths.etc, settings._yaml, settings._yamlLines));

  const auto known = knownNames();
  for (const std::string& name : sources[0].names())
    if (!contains(known, name))
      throw Problem(Problem::Kind::invalid, "command line: expected a setting, found " + name +
                                                didYouMean(name, known) +
                                                "; `dispatch server config` lists them");
  for (std::size_t i = 1; i < sources.size(); ++i) warnOfNames(sources[i], i > 1, settings._warnings);

  std::optional<Problem> refusals;  // all of them: nobody wants to correct and start again for each
  for (const Setting& setting : config::settings()) {
    auto entry = std::make_shared<Entry>();
    entry->setting = &setting;
    entry->text = setting.defaultText;
    for (const Source& source : sources) {
      auto given = source.find(namesOf(setting));
      if (!given) continue;
      entry->origin = given->origin;
      if (setting.secret())
        entry->secret = SecretText(given->text);
      else
        try {
          entry->text = checked(setting, *given);
        } catch (const Problem& problem) {
          if (refusals)
            refusals->add(problem);
          else
            refusals = problem;
        }
      wipe(given->text);
      break;
    }
    settings._entries.emplace(setting.name, std::move(entry));
  }
  if (refusals) throw *refusals;
  followAddress();

  for (const Source& source : sources) {
    for (const std::string& name : source.names()) {
      if (!name.starts_with(kPluginPrefix) || contains(known, name)) continue;
      std::string plain = name;
      if (plain.ends_with(kFileSuffix)) plain.resize(plain.size() - kFileSuffix.size());
      if (contains(known, plain) || settings._pluginFields.contains(plain)) continue;
      auto given = source.find({plain});
      if (!given) continue;
      settings._pluginFields.emplace(plain, std::make_pair(SecretText(given->text), given->origin));
      wipe(given->text);
    }
  }
}

void Settings::Loader::placeDirectories() {
  Paths& paths = settings._paths;
  const auto place = [this](const char* name, std::string& path) {
    Entry& entry = *settings._entries.find(name)->second;
    if (entry.origin.source == "default")
      entry.text = path;
    else
      path = entry.text;
  };
  place("DISPATCH_DATA_DIR", paths.var);
  place("DISPATCH_RUN_DIR", paths.run);
  place("DISPATCH_LOG_DIR", paths.log);
  place("DISPATCH_WEB_DIR", paths.web);
  place("DISPATCH_CONTRACTS_DIR", paths.contracts);
  paths.packages = paths.var + "/packages";
  // Several; paths.plugins stays where this installation's own are.
  Entry& plugins = *settings._entries.find("DISPATCH_PLUGIN_DIRS")->second;
  if (plugins.origin.source == "default") plugins.text = paths.plugins + "," + paths.packages;
  for (const char* name : {"DISPATCH_DATA_DIR", "DISPATCH_RUN_DIR", "DISPATCH_LOG_DIR",
                           "DISPATCH_CONTRACTS_DIR", "DISPATCH_PLUGIN_DIRS"}) {
    const Entry& entry = *settings._entries.find(name)->second;
    if (entry.text.empty())
      throw Problem(Problem::Kind::invalid,
                    std::string(name) + " (" + entry.origin.source +
                        "): expected a directory, found nothing; set it or leave it out for the default");
  }
}

}  // namespace dispatch::config
