#include "config/yaml_file.hpp"

#include "base/problem.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dispatch::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Json valueOf(const std::string& text) { return parseYaml(text, "d.yaml").value; }

std::string refusal(const std::string& text) {
  try {
    parseYaml(text, "d.yaml");
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.kind(), Problem::Kind::invalid);
    return problem.what();
  }
  ADD_FAILURE() << "was not refused: " << text;
  return "";
}

}  // namespace

TEST(YamlFile, TypesPlainScalarsAndLeavesQuotedOnesText) {
  EXPECT_EQ(
      valueOf(
          "a: 1\nb: '1'\nc: true\nd: \"true\"\ne: 1.5\nf: text\ng:\nh: ~\ni: -0x10\nj: yes\nk: 1e3\nl: .5\n"),
      Json({{"a", 1},
            {"b", "1"},
            {"c", true},
            {"d", "true"},
            {"e", 1.5},
            {"f", "text"},
            {"g", nullptr},
            {"h", nullptr},
            {"i", -16},
            {"j", "yes"},
            {"k", 1000.0},
            {"l", 0.5}}));
}

TEST(YamlFile, LeavesTextWhatOnlyLooksLikeANumber) {
  EXPECT_EQ(valueOf("a: 1.2.3\nb: 10.0.0.0/8\nc: 99999999999999999999999\nd: nan\ne: 1_000\nf: "
                    "2024-01-01\ng: --1\nh: 0x\n"),
            Json({{"a", "1.2.3"},
                  {"b", "10.0.0.0/8"},
                  {"c", 1e23},
                  {"d", "nan"},
                  {"e", "1_000"},
                  {"f", "2024-01-01"},
                  {"g", "--1"},
                  {"h", "0x"}}));
}

TEST(YamlFile, IsEmptyForAnEmptyDocument) {
  for (const char* text : {"", "# only a comment\n", "---\n", "~\n", "{}"})
    EXPECT_EQ(valueOf(text), Json::object()) << text;
}

TEST(YamlFile, KnowsTheLineOfEveryValue) {
  const auto document =
      parseYaml("# top\nplugins:\n  - plugin: a\n    enabled: true\n  - plugin: b\nx/y: 1\n", "d.yaml");
  EXPECT_EQ(document.lines.at("/plugins"), 2);
  EXPECT_EQ(document.lines.at("/plugins/0"), 3);
  EXPECT_EQ(document.lines.at("/plugins/0/enabled"), 4);
  EXPECT_EQ(document.lines.at("/plugins/1"), 5);
  EXPECT_EQ(document.lines.at("/x~1y"), 6);
}

TEST(YamlFile, ExpandsAliases) {
  EXPECT_EQ(valueOf("a: &x {k: 1}\nb: *x\n"), Json({{"a", {{"k", 1}}}, {"b", {{"k", 1}}}}));
}

TEST(YamlFile, RefusesAKeyTwiceWithBothLines) {
  EXPECT_THAT(refusal("a: 1\nb: 2\na: 3\n"), StartsWith("d.yaml:3: expected each key once, found \"a\""));
  EXPECT_THAT(refusal("a: 1\nb: 2\na: 3\n"), HasSubstr("first on line 1"));
  EXPECT_THAT(refusal("o:\n  a: 1\n  a: 1\n"), StartsWith("d.yaml:3:"));
}

TEST(YamlFile, RefusesWhatIsNoYamlWithTheLine) {
  EXPECT_THAT(refusal("a: 1\nb: [1, 2\nc: }\n"), HasSubstr("d.yaml:"));
  EXPECT_THAT(refusal("a: 1\n\tb: 2\n"), StartsWith("d.yaml:2:"));
  EXPECT_THAT(refusal("a: *nowhere\n"), StartsWith("d.yaml:1:"));
}

TEST(YamlFile, RefusesATopThatIsNoMapping) {
  EXPECT_THAT(refusal("- a\n- b\n"), HasSubstr("expected a mapping at the top"));
  EXPECT_THAT(refusal("text\n"), HasSubstr("a single value"));
}

TEST(YamlFile, RefusesSeveralDocuments) {
  EXPECT_THAT(refusal("a: 1\n---\nb: 2\n"), HasSubstr("found several"));
}

/// yaml-cpp reads the same comma for ever.
TEST(YamlFile, RefusesACommaBeforeEverything) {
  for (const char* text : {", a: 1\n", ",", "---\n, a"})
    EXPECT_THAT(refusal(text), HasSubstr("found a comma where nothing comes before it")) << text;
}

TEST(YamlFile, RefusesAKeyThatIsNoText) { EXPECT_THAT(refusal("? [a, b]\n: 1\n"), HasSubstr("as a key")); }

TEST(YamlFile, RefusesAliasesThatExpandWithoutBound) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string inner = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) bomb += (j ? ", " : "") + inner;
    bomb += "]\n";
  }
  EXPECT_THAT(refusal(bomb), HasSubstr("at most 20000 values"));
}

TEST(YamlFile, RefusesAliasesWhoseKeysAndTextExpandWithoutBound) {
  std::string text = "a: &a " + std::string(100000, 'x') + "\nb:\n";
  for (int i = 0; i < 200; ++i) text += "  - *a\n";
  EXPECT_THAT(refusal(text), HasSubstr("at most 16 MiB"));
  std::string keys = "a: &a {" + std::string(1000, 'k') + ": [1";
  for (int i = 1; i < 95; ++i) keys += ", 1";
  keys += "]}\nb:\n";
  for (int i = 0; i < 200; ++i) keys += "  - *a\n";
  EXPECT_THAT(refusal(keys), HasSubstr("at most 16 MiB"));
}

TEST(YamlFile, RefusesAnAliasInsideItsOwnAnchor) {
  EXPECT_THAT(refusal("a: &a [*a]\n"), HasSubstr("at most 64 levels"));
}

TEST(YamlFile, RefusesNestingThatWouldUseUpTheStack) {
  EXPECT_THAT(refusal("a: " + std::string(100, '[') + std::string(100, ']')), HasSubstr("levels"));
  EXPECT_FALSE(refusal("a: " + std::string(100000, '[')).empty());
}

}  // namespace dispatch::config
