// The files that operators start from say what the program reads, no more and no less.
#include "base/problem.hpp"
#include "config/config.hpp"
#include "config/entry.hpp"
#include "config/env_file.hpp"
#include "config/yaml_file.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace dispatch::config {
namespace {

std::string example(const std::string& name) {
  std::ifstream file(std::string(DISPATCH_EXAMPLES) + "/" + name);
  EXPECT_TRUE(file) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// With every `#NAME=value` and `#key: value` taken out of its comment; sentences have a space behind their
/// #.
std::string uncommented(const std::string& text, bool yaml) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    const bool setting = line.size() > 1 && line[0] == '#' && line[1] >= 'A' && line[1] <= 'Z' &&
                         line.find('=') != std::string::npos;
    const bool key =
        line.size() > 1 && line[0] == '#' && ((line[1] >= 'a' && line[1] <= 'z') || line.starts_with("#  "));
    result += ((yaml ? key : setting) ? line.substr(1) : line) + "\n";
  }
  return result;
}

}  // namespace

TEST(Examples, EnvExampleExplainsEverySettingOnce) {
  std::set<std::string> explained;
  for (const auto& line : parseEnv(uncommented(example(".env.example"), false), ".env.example"))
    explained.insert(line.name);
  for (const Setting& setting : settings())
    EXPECT_TRUE(explained.contains(setting.name)) << setting.name << " is missing";
  std::set<std::string> known;
  for (const Setting& setting : settings()) known.insert(setting.name);
  for (const auto& name : explained)
    EXPECT_TRUE(known.contains(name) || name.starts_with("DISPATCH_PLUGIN_")) << name << " is not a setting";
}

TEST(Examples, EnvExampleTellsTheRealDefaults) {
  const std::set<std::string> examplesOnly{"DATABASE_HOSTNAME", "DATABASE_CREDENTIALS",
                                           "DISPATCH_TRUSTED_PROXIES"};
  std::map<std::string, std::string> shown;
  for (const auto& line : parseEnv(uncommented(example(".env.example"), false), ".env.example"))
    shown[line.name] = line.value;
  for (const Setting& setting : settings()) {
    const bool directory =
        setting.kind == Setting::Kind::directory || setting.kind == Setting::Kind::directories;
    if (setting.secret() || directory || examplesOnly.contains(setting.name)) continue;
    EXPECT_EQ(shown[setting.name], setting.defaultText) << setting.name;
  }
}

TEST(Examples, EveryLineThatCountsInEnvExampleIsAPlaceholderThatIsRefused) {
  const auto lines = parseEnv(example(".env.example"), ".env.example");
  EXPECT_EQ(lines.size(), 3u);
  for (const auto& line : lines) {
    EXPECT_TRUE(line.value.starts_with("REPLACE")) << line.name;  // what install.sh looks for
    EXPECT_TRUE(isPlaceholder(line.value)) << line.name;
  }
}

TEST(Examples, DispatchYamlDecidesNothingUntilItIsEdited) {
  EXPECT_EQ(parseYaml(example("dispatch.yaml"), "dispatch.yaml").value, Json::object());
}

TEST(Examples, DispatchYamlIsRightOnceItsExamplesAreTakenOutOfTheirComments) {
  const Json yaml = parseYaml(uncommented(example("dispatch.yaml"), true), "dispatch.yaml").value;
  EXPECT_EQ(yaml["plugins"][0]["plugin"], "smtp-email");
  EXPECT_EQ(yaml["plugins"][0]["configuration"]["port"], 587);
  EXPECT_EQ(yaml["allow"].size(), 2u);
  EXPECT_EQ(yaml["commands"][0]["run"], Json::array({"/usr/local/bin/snapshot", "--json"}));
  EXPECT_EQ(yaml["unsigned"], Json::array({"my-own-plugin"}));
  EXPECT_EQ(yaml["isolation"], (Json{{"smtp-email", "worker"}, {"*", "worker"}}));
  std::set<std::string> known;
  for (const Setting& setting : settings()) known.insert(setting.name);
  for (const auto& [name, value] : yaml["settings"].items()) EXPECT_TRUE(known.contains(name)) << name;
}

}  // namespace dispatch::config
