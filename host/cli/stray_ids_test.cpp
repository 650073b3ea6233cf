#include "cli/stray_ids.hpp"

#include <gmock/gmock.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace dispatch::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StrayIdsTest : public ::testing::Test {
 protected:
  StrayIdsTest() {
    char name[] = "/tmp/stray-ids-XXXXXX";
    directory = ::mkdtemp(name);
    write("lib/dispatch/plugins/smtp-email/plugin.json", R"({"id": "smtp-email"})");
    write("lib/dispatch/plugins/built/plugin.json", R"({"id": "my-own-plugin"})");
    write("lib/dispatch/plugins/torn/plugin.json", "{");
    write("var/lib/dispatch/packages/acme-jira@1.2.0/plugin.json", R"({"id": "acme-jira"})");
  }
  ~StrayIdsTest() override { std::filesystem::remove_all(directory); }

  void write(const std::string& file, const std::string& text) const {
    const auto path = directory / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::vector<std::string> strays(const std::string& yaml) const {
    write("etc/dispatch/dispatch.yaml", yaml);
    return strayIds(config::Settings::load(config::Paths::under(directory)));
  }

  std::filesystem::path directory;
};

TEST_F(StrayIdsTest, WhatIsInstalledIsNamedInPeace) {
  EXPECT_THAT(strays("isolation: {smtp-email: worker, acme-jira: process, torn: worker, '*': worker}\n"
                     "unsigned: [my-own-plugin]\n"
                     "allow: [{plugin: '*', host: localhost}, {plugin: acme-jira, host: localhost}]\n"),
              IsEmpty());
  EXPECT_THAT(strays(""), IsEmpty());
}

TEST_F(StrayIdsTest, WhatIsNotIsWarnedOfWithItsLineAndWhatWasMeant) {
  EXPECT_THAT(
      strays("isolation:\n"
             "  smtp-emial: worker\n"
             "unsigned:\n"
             "  - my-own-plugin\n"
             "  - my-onw-plugin\n"
             "allow:\n"
             "  - {plugin: acme-jria, host: localhost}\n"
             "commands:\n"
             "  - {plugin: something-else, name: snapshot, run: [/bin/true]}\n"),
      ElementsAre(
          "dispatch.yaml line 2: `isolation:` names smtp-emial, which is not installed - did you mean "
          "smtp-email?",
          "dispatch.yaml line 5: `unsigned:` names my-onw-plugin, which is not installed - did you mean "
          "my-own-plugin?",
          "dispatch.yaml line 7: `allow:` names acme-jria, which is not installed - did you mean acme-jira?",
          "dispatch.yaml line 9: `commands:` names something-else, which is not installed"));
}

}  // namespace
}  // namespace dispatch::cli
