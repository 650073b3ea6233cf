#include "kit/project.hpp"
#include "base/problem.hpp"
#include "kit/files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace dispatch::kit {
namespace {

class ProjectTest : public ::testing::Test {
 protected:
  std::string refusal(const std::string& type, const std::string& id) {
    try {
      makeProject(equipment, {type, id, directory.path() + "/made", "c++"});
      return "";
    } catch (const Problem& problem) {
      return problem.what();
    }
  }
  const Equipment equipment{DISPATCH_CONTRACTS, DISPATCH_TEMPLATES,    "", "", "",
                            DISPATCH_HEADERS,   DISPATCH_TEST_PACKAGES};
  const TemporaryDirectory directory;
};

TEST_F(ProjectTest, MakesEveryTypeInBothLanguages) {
  for (const char* language : {"c", "c++"}) {
    const auto types = projectTypes(equipment, language);
    EXPECT_EQ(types.size(), 9u);
    for (const auto& type : types) {
      const auto path = directory.path() + '/' + language + type;
      makeProject(equipment, {type, "7-acme", path, language});
      const auto manifest = Json::parse(readFile(path + "/plugin.json"));
      EXPECT_EQ(manifest.at("id"), "7-acme");
      EXPECT_EQ(manifest.at("type"), type);
      EXPECT_TRUE(std::filesystem::exists(path + "/plugin_7_acme_test.cpp"));
      for (const auto& item : std::filesystem::recursive_directory_iterator(path)) {
        if (!item.is_regular_file()) continue;
        EXPECT_EQ(readFile(item.path()).find("TEMPLATE_"), std::string::npos) << item.path();
      }
    }
    EXPECT_EQ(std::filesystem::exists(directory.path() + "/c++ticket/tests/recordings/create.har"),
              language == std::string("c++"));
  }
}

TEST_F(ProjectTest, SaysWhichTypeWasMeant) {
  EXPECT_NE(refusal("tickt", "acme-jira").find("did you mean ticket?"), std::string::npos);
  EXPECT_NE(refusal("blob", "acme-jira").find("There are: auth-provider, conference, contact"),
            std::string::npos);
}

TEST_F(ProjectTest, SaysWhatToStartFromWhereThereIsNoTemplate) {
  const auto contracts = directory.path() + "/contracts", headers = directory.path() + "/headers";
  std::filesystem::copy(DISPATCH_CONTRACTS, contracts);
  std::filesystem::create_directories(headers + "/sdk");
  writeFile(contracts + "/pager-duty.json", R"({"type": "pager-duty", "methods": {}})");
  writeFile(headers + "/sdk/pager_duty.hpp",
            "class PagerThing {};\nclass PagerDutyPlugin : public Plugin {\n");
  const Equipment more{contracts, DISPATCH_TEMPLATES, "", "", "", headers};
  const auto refused = [&](const std::string& type) -> std::string {
    try {
      makeProject(more, {type, "acme-pager", directory.path() + "/made", "c"});
      return "";
    } catch (const Problem& problem) {
      return problem.what();
    }
  };
  const auto sentence = refused("pager-duty");
  EXPECT_EQ(sentence.find("There is no template for the type \"pager-duty\" in c yet; there is one for: "
                          "auth-provider, contact, "),
            0u)
      << sentence;
  EXPECT_NE(sentence.find("derives from dispatch::PagerDutyPlugin (<dispatch/sdk/pager_duty.hpp>)"),
            std::string::npos)
      << sentence;
  EXPECT_NE(sentence.find("in the contract " + contracts + "/pager-duty.json"), std::string::npos)
      << sentence;
  EXPECT_NE(refused("pager-dutty").find(" - did you mean pager-duty?"), std::string::npos);
}

/// Every type with a contract has a template, or a base class that `new` can name.
TEST_F(ProjectTest, EveryTypeHasATemplateOrABaseClassToName) {
  const auto templates = projectTypes(equipment, "c++");
  for (const auto& item : std::filesystem::directory_iterator(DISPATCH_CONTRACTS)) {
    const auto contract = Json::parse(readFile(item.path()));
    const auto type = item.path().stem().string();
    if (contract.value("type", Json()) != type || std::count(templates.begin(), templates.end(), type) != 0)
      continue;
    EXPECT_NE(refusal(type, "acme-new").find("derives from dispatch::"), std::string::npos) << type;
  }
}

TEST_F(ProjectTest, RefusesTheIdsOfThePluginsThatCameWithIt) {
  EXPECT_NE(refusal("ticket", "dispatch-ticket").find("is the id of a plugin that came with Dispatch ("),
            std::string::npos);
  EXPECT_NE(refusal("email", "smtp-email").find("is the id of a plugin that came with Dispatch ("),
            std::string::npos);
  EXPECT_NE(refusal("ticket", "dispatch-jira").find("begins with \"dispatch-\""), std::string::npos);
}

TEST_F(ProjectTest, SaysTheRuleOfIds) {
  for (const char* id : {"Acme", "ac", "-acme", "acme-", "acme_jira", "../acme"})
    EXPECT_NE(refusal("ticket", id).find("3 to 64 characters of a-z, 0-9 and -"), std::string::npos) << id;
}

TEST_F(ProjectTest, OverwritesNothing) {
  EXPECT_EQ(refusal("ticket", "acme-jira"), "");
  EXPECT_NE(refusal("ticket", "acme-jira").find("is there already"), std::string::npos);
}

}  // namespace
}  // namespace dispatch::kit
