#include "kit/project.hpp"

#include "base/base.hpp"
#include "kit/files.hpp"
#include "kit/output.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>

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

/// A second plugin of that id could never serve beside the product's.
void refuseOwnId(const Equipment& equipment, const std::string& id) {
  std::error_code error;
  const bool installed =
      !equipment.plugins.empty() && fs::exists(equipment.plugins + '/' + id + "/plugin.json", error);
  if (!installed && !id.starts_with("dispatch-")) return;
  throw Problem(
      Problem::Kind::conflict,
      '"' + id + "\" " +
          (installed ? "is the id of a plugin that came with Dispatch (" + equipment.plugins + '/' + id + ')'
                     : "begins with \"dispatch-\", as the ids of Dispatch's own plugins do") +
          ", and an id belongs to one plugin. Take one that nobody else will, such as acme-jira.");
}

/// Types that have a contract, whether or not there is a template for them.
std::vector<std::string> contractTypes(const Equipment& equipment) {
  std::vector<std::string> types;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(equipment.contracts, error)) {
    if (item.path().extension() != ".json") continue;
    const auto contract = parseJson(readFile(item.path()), item.path().string());
    if (const auto type = textOr(contract, "type"); type == item.path().stem()) types.push_back(type);
  }
  std::sort(types.begin(), types.end());
  return types;
}

/// "dispatch::TicketPlugin (<dispatch/sdk/ticket.hpp>)", as the header itself says; "" where it is not
/// installed.
std::string baseClassOf(const Equipment& equipment, const std::string& type) {
  auto header = type + ".hpp";
  std::replace(header.begin(), header.end(), '-', '_');
  const auto path = equipment.headers + "/sdk/" + header;
  std::error_code error;
  if (!fs::exists(path, error)) return "";
  const auto text = readFile(path);
  const std::regex declaration("class (\\w+) : public Plugin\\b");
  std::smatch found;
  if (!std::regex_search(text, found, declaration)) return "";
  return "dispatch::" + found[1].str() + " (<dispatch/sdk/" + header + ">)";
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void needTemplate(const Equipment& equipment, const ProjectOptions& options) {
  const auto types = projectTypes(equipment, options.language);
  if (std::find(types.begin(), types.end(), options.type) != types.end()) return;
  auto known = contractTypes(equipment);
  if (std::find(known.begin(), known.end(), options.type) == known.end()) {
    known.insert(known.end(), types.begin(), types.end());
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    throw Problem(Problem::Kind::invalid, unknownName("There is no plugin type", options.type, known) +
                                              " There are: " + listed(known) + '.');
  }
  const auto base = baseClassOf(equipment, options.type);
  throw Problem(Problem::Kind::invalid, "There is no template for the type \"" + options.type + "\" in " +
                                            options.language + " yet; there is one for: " + listed(types) +
                                            ". Make a project of one of these and change it: " +
                                            (base.empty() ? "" : "its class derives from " + base + ", ") +
                                            "its manifest says \"type\": \"" + options.type +
                                            "\", and what its methods take and answer is in the contract " +
                                            equipment.contracts + '/' + options.type + ".json.");
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
  needTemplate(equipment, options);
  needId(options.id);
  refuseOwnId(equipment, options.id);
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
  for (const auto& [name, text] : files) {
    const auto path = fs::path(unfinished) / name;
    fs::create_directories(path.parent_path());
    writeFile(path, text);
  }
  fs::rename(unfinished, directory);
  Json names = Json::array();
  for (const auto& entry : files) names.push_back(entry.first);
  return {{"directory", directory.string()}, {"files", names}};
}

}  // namespace dispatch::kit
