#include "kit/project.hpp"

#include "base/base.hpp"
#include "kit/files.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

namespace dispatch::kit {

namespace {

namespace fs = std::filesystem;

/// "acme-jira" -> "AcmeJira"
std::string className(const std::string& id) {
  std::string name;
  bool begin = true;
  for (const char c : id) {
    if (c != '-') name += begin && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    begin = c == '-';
  }
  return name.front() >= '0' && name.front() <= '9' ? "Plugin" + name : name;
}

/// "acme-jira" -> "acme_jira": a name for files and targets.
std::string fileName(const std::string& id) {
  std::string name = id;
  std::replace(name.begin(), name.end(), '-', '_');
  return name.front() >= '0' && name.front() <= '9' ? "plugin_" + name : name;
}

/// "acme-jira" -> "Acme jira"
std::string titleOf(const std::string& id) {
  std::string title = id;
  std::replace(title.begin(), title.end(), '-', ' ');
  if (title.front() >= 'a' && title.front() <= 'z')
    title.front() = static_cast<char>(title.front() - 'a' + 'A');
  return title;
}

void needId(const std::string& id) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool good = id.size() >= 3 && id.size() <= 64 && plain(id.front()) && plain(id.back()) &&
                    std::all_of(id.begin(), id.end(), [&](char c) { return plain(c) || c == '-'; });
  if (!good)
    throw Problem(
        Problem::Kind::invalid,
        "\"" + id +
            "\" cannot be the id of a plugin. An id has 3 to 64 characters of a-z, 0-9 and -, and begins and "
            "ends with a letter or digit; take one that nobody else will, such as acme-jira.");
}

std::string filled(std::string text, const std::map<std::string, std::string>& words) {
  for (const auto& [name, value] : words) {
    const auto place = "TEMPLATE_" + name;
    for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + value.size()))
      text.replace(at, place.size(), value);
  }
  return text;
}

}  // namespace

std::vector<std::string> projectTypes(const Equipment& equipment, const std::string& language) {
  std::vector<std::string> types;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(equipment.templates + '/' + language, error))
    if (item.is_directory() && item.path().filename() != "common") types.push_back(item.path().filename());
  std::sort(types.begin(), types.end());
  if (types.empty())
    throw Problem(Problem::Kind::notFound, "There are no templates in " + equipment.templates + '/' +
                                               language + ". Install the SDK again.");
  return types;
}

Json makeProject(const Equipment& equipment, const ProjectOptions& options) {
  const auto types = projectTypes(equipment, options.language);
  if (std::find(types.begin(), types.end(), options.type) == types.end()) {
    std::string known;
    for (const auto& type : types) known += (known.empty() ? "" : ", ") + type;
    const auto meant = config::didYouMean(options.type, types);
    throw Problem(Problem::Kind::invalid, "There is no plugin type \"" + options.type + '"' +
                                              (meant.empty() ? "." : meant) + " There are: " + known + '.');
  }
  needId(options.id);
  const fs::path directory = options.directory.empty() ? options.id : options.directory;
  std::error_code error;
  if (fs::exists(fs::symlink_status(directory, error)))
    throw Problem(Problem::Kind::conflict,
                  directory.string() +
                      " is there already, and nothing in it is overwritten. Name another "
                      "directory with --dir, or remove it.");
  const std::map<std::string, std::string> words{{"ID", options.id},
                                                 {"CLASS", className(options.id)},
                                                 {"NAME", fileName(options.id)},
                                                 {"TITLE", titleOf(options.id)},
                                                 {"TYPE", options.type}};
  const auto base = equipment.templates + '/';
  std::map<std::string, std::string> files;
  for (const auto& source :
       {base + "common", base + options.language + "/common", base + options.language + '/' + options.type})
    for (const auto& item : fs::recursive_directory_iterator(source))
      if (item.is_regular_file())
        files[filled(item.path().lexically_relative(source), words)] = filled(readFile(item.path()), words);
  // Beside it first, and then all of it at once under its name.
  const auto unfinished = directory.string() + ".unfinished";
  fs::remove_all(unfinished, error);
  for (const auto& [name, text] : files) writeFile(unfinished + '/' + name, text);
  fs::rename(unfinished, directory);
  Json names = Json::array();
  for (const auto& entry : files) names.push_back(entry.first);
  return {{"directory", directory.string()}, {"files", names}};
}

}  // namespace dispatch::kit
