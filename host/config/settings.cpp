#include "base/problem.hpp"
#include "config/entry.hpp"
#include "config/sources.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <sodium.h>

namespace dispatch::config {
namespace {

constexpr const char* kMask = "**********";

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void overwrite(const std::string& name) {
  if (char* value = std::getenv(name.c_str())) {
    // In place: the kernel shows this very memory as /proc/<pid>/environ.
    sodium_memzero(value, std::strlen(value));
    ::unsetenv(name.c_str());
  }
}

}  // namespace

bool isPlaceholder(std::string_view secret) {
  std::string text(secret);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto has = [&](const char* part) { return text.find(part) != std::string::npos; };
  const bool found = text.starts_with("replace") || has("replace_") || has("replace-me") || has("changeme") ||
                     has("change_me") || has("change-me") || has("placeholder") ||
                     (text.starts_with("<") && text.ends_with(">")) ||
                     (!text.empty() && text.find_first_not_of('x') == std::string::npos) ||
                     text == "njhdwdj3pbht8h";  // the encryption key in the original's example data
  wipe(text);
  return found;
}

Credentials splitCredentials(const SecretText& credentials) {
  const std::string_view whole = credentials.reveal();
  const std::size_t colon = whole.find(':');
  if (colon == std::string_view::npos) return {std::string(whole), {}};
  return {std::string(whole.substr(0, colon)), SecretText(whole.substr(colon + 1))};
}

Settings Settings::load(const Paths& paths, const std::map<std::string, std::string>& commandLine) {
  Settings settings;
  settings._paths = paths;
  Loader loader{settings};
  loader.readYaml();
  loader.readEntries(commandLine);
  loader.placeDirectories();
  return settings;
}

void Settings::forgetEnvironment() {
  for (const Setting& setting : config::settings()) {
    if (!setting.secret()) continue;
    overwrite(setting.name);
    for (const std::string& alias : setting.aliases) overwrite(alias);
  }
  for (const std::string& name : environmentSource().names())
    if (name.starts_with("DISPATCH_PLUGIN_") && name != "DISPATCH_PLUGIN_DIRS") overwrite(name);
}

const Settings::Entry& Settings::entry(std::string_view name) const {
  const auto found = _entries.find(name);
  if (found == _entries.end()) throw std::logic_error("there is no setting " + std::string(name));
  return *found->second;
}

std::string Settings::text(std::string_view name) const {
  const Entry& found = entry(name);
  if (found.setting->secret()) throw std::logic_error(std::string(name) + " is a secret: use secret()");
  return found.text;
}

std::int64_t Settings::integer(std::string_view name) const {
  const Entry& found = entry(name);
  if (found.setting->kind != Setting::Kind::integer)
    throw std::logic_error(std::string(name) + " is no number");
  return number(found.text.empty() ? found.setting->defaultText : found.text);
}

bool Settings::boolean(std::string_view name) const {
  const Entry& found = entry(name);
  if (found.setting->kind != Setting::Kind::boolean)
    throw std::logic_error(std::string(name) + " is no boolean");
  return (found.text.empty() ? found.setting->defaultText : found.text) == "true";
}

std::vector<std::string> Settings::list(std::string_view name) const {
  std::string rest = text(name);
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= rest.size();) {
    const std::size_t comma = std::min(rest.find(',', at), rest.size());
    const std::string part = rest.substr(at, comma - at);
    const std::size_t first = part.find_first_not_of(" \t\r\n");
    if (first != std::string::npos)
      parts.push_back(part.substr(first, part.find_last_not_of(" \t\r\n") - first + 1));
    at = comma + 1;
  }
  return parts;
}

bool Settings::has(std::string_view name) const {
  const Entry& found = entry(name);
  return found.origin.source != "default" &&
         !(found.setting->secret() ? found.secret.empty() : found.text.empty());
}

Origin Settings::origin(std::string_view name) const { return entry(name).origin; }

void Settings::resolveSecrets(const SecretResolver& resolver) {
  for (const auto& [name, held] : _entries) {
    if (!held->setting->secret() || held->secret.empty()) continue;
    if (name == "DATABASE_CREDENTIALS" && text("DATABASE_HOSTNAME").empty()) continue;
    if (isPlaceholder(held->secret.reveal()))
      throw Problem(Problem::Kind::invalid,
                    name + " (" + held->origin.source +
                        "): expected a secret of your own, found a placeholder or a published example; " +
                        (name == "DATABASE_CREDENTIALS" ? "put the database's user:password there"
                                                        : "run ./install.sh, which makes one, or put what "
                                                          "`dispatch secret generate` prints there"));
    std::string stored(held->secret.reveal());
    try {
      held->secret = resolver(name, stored);
    } catch (...) {
      wipe(stored);
      throw;
    }
    wipe(stored);
  }
  // Of a plugin's fields only the example file's own mark: any other text may be meant.
  for (const auto& [name, value] : _pluginFields)
    if (value.first.reveal().starts_with("REPLACE_"))
      throw Problem(Problem::Kind::invalid,
                    name + " (" + value.second.source +
                        "): expected a value of your own, found the placeholder of .env.example; run "
                        "./install.sh, which makes keys, put yours there (dispatch secret keygen), or "
                        "remove the line");
}

const SecretText& Settings::secret(std::string_view name) const {
  const Entry& found = entry(name);
  if (!found.setting->secret()) throw std::logic_error(std::string(name) + " is no secret: use text()");
  return found.secret;
}

std::map<std::string, std::pair<SecretText, Origin>> Settings::pluginFields(std::string_view pluginId) const {
  std::string prefix = "DISPATCH_PLUGIN_";
  for (const char c : pluginId) {
    if (c >= 'a' && c <= 'z')
      prefix += static_cast<char>(c - 32);
    else
      prefix += (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
  }
  prefix += '_';
  std::map<std::string, std::pair<SecretText, Origin>> fields;
  for (const auto& [name, value] : _pluginFields) {
    if (!name.starts_with(prefix) || name.size() == prefix.size()) continue;
    std::string field = name.substr(prefix.size());
    std::transform(field.begin(), field.end(), field.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    fields.emplace(std::move(field), value);
  }
  return fields;
}

std::optional<int> Settings::yamlLine(std::string_view pointer) const {
  const auto found = _yamlLines.find(pointer);
  if (found == _yamlLines.end()) return std::nullopt;
  return found->second;
}

Json Settings::describe() const {
  Json all = Json::array();
  for (const Setting& setting : config::settings()) {
    const Entry& held = entry(setting.name);
    const bool secret = setting.secret();
    all.push_back({{"name", setting.name},
                   {"value", secret ? (held.secret.empty() ? "" : kMask) : held.text},
                   {"origin", held.origin.source},
                   {"description", setting.description},
                   {"secret", secret}});
  }
  // What the environment says about plugins; whether a field is secret only its plugin knows, so all are
  // masked.
  for (const auto& [name, value] : _pluginFields)
    all.push_back({{"name", name},
                   {"value", value.first.empty() ? "" : kMask},
                   {"origin", value.second.source},
                   {"description", "A field of a plugin's configuration."},
                   {"secret", true}});
  return all;
}

}  // namespace dispatch::config
