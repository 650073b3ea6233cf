#include "config/env_file.hpp"

#include "base/problem.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dispatch::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string valueOf(const std::string& text) {
  const auto lines = parseEnv(text, ".env");
  EXPECT_EQ(lines.size(), 1u) << text;
  return lines.empty() ? "" : lines[0].value;
}

std::string refusal(const std::string& text) {
  try {
    parseEnv(text, "/etc/.env");
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.kind(), Problem::Kind::invalid);
    return problem.what();
  }
  ADD_FAILURE() << "was not refused: " << text;
  return "";
}

}  // namespace

TEST(EnvFile, ReadsNamesValuesAndLines) {
  const auto lines = parseEnv("# a comment\n\nA=1\n  export B = two words \nC=\n", ".env");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].name, "A");
  EXPECT_EQ(lines[0].line, 3);
  EXPECT_EQ(lines[1].name, "B");
  EXPECT_EQ(lines[1].value, "two words");
  EXPECT_EQ(lines[1].line, 4);
  EXPECT_EQ(lines[2].value, "");
}

TEST(EnvFile, IsIndifferentToByteOrderMarkAndCarriageReturns) {
  const auto lines = parseEnv(
      "\xEF\xBB\xBF"
      "A=1\r\nB=\"2\"\r\nC='3' # three\r\n",
      ".env");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].name, "A");
  EXPECT_EQ(lines[0].value, "1");
  EXPECT_EQ(lines[1].value, "2");
  EXPECT_EQ(lines[2].value, "3");
  EXPECT_EQ(lines[2].line, 3);
}

TEST(EnvFile, NeedsNoLineEndAtTheEnd) {
  EXPECT_EQ(valueOf("A=b"), "b");
  EXPECT_EQ(valueOf("A='b'"), "b");
  EXPECT_EQ(valueOf("A="), "");
  EXPECT_TRUE(parseEnv("", ".env").empty());
  EXPECT_TRUE(parseEnv("# only this", ".env").empty());
}

TEST(EnvFile, ACommentBeginsBehindWhiteSpaceOnly) {
  EXPECT_EQ(valueOf("A=user:pa#ss"), "user:pa#ss");
  EXPECT_EQ(valueOf("A=value # comment"), "value");
  EXPECT_EQ(valueOf("A= # comment"), "");
  EXPECT_EQ(valueOf("A=\"kept # here\" # not here"), "kept # here");
}

TEST(EnvFile, SingleQuotesTakeTheTextAsItStands) {
  EXPECT_EQ(valueOf(R"(A=' $x \n "q" ')"), R"( $x \n "q" )");
}

TEST(EnvFile, DoubleQuotesUnderstandEscapes) {
  EXPECT_EQ(valueOf(R"(A="a\nb\t\"c\"\\ \$d \x")"), "a\nb\t\"c\"\\ $d \\x");
}

TEST(EnvFile, ExpandsNothing) { EXPECT_EQ(valueOf("A=${HOME}$PATH"), "${HOME}$PATH"); }

TEST(EnvFile, QuotedValuesMaySpanLinesAndLinesGoOnBeingCounted) {
  const auto lines = parseEnv("KEY=\"-----BEGIN\r\nabc\n-----END\"\nNEXT=1\n", ".env");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].value, "-----BEGIN\nabc\n-----END");
  EXPECT_EQ(lines[0].line, 1);
  EXPECT_EQ(lines[1].line, 4);
}

TEST(EnvFile, RefusesALineWithoutEqualsByItsNumber) {
  EXPECT_THAT(refusal("A=1\nGARBLED\n"), StartsWith("/etc/.env:2: expected NAME=VALUE"));
  EXPECT_THAT(refusal("A=1\nGARBLED\n"), HasSubstr("GARBLED"));
  EXPECT_THAT(refusal("export\n"), HasSubstr("/etc/.env:1"));
  EXPECT_THAT(refusal("=value\n"), HasSubstr("/etc/.env:1"));
  EXPECT_THAT(refusal("9LIVES=1\n"), HasSubstr("does not begin with a name"));
  EXPECT_THAT(refusal("A-B=1\n"), HasSubstr("\"A\" without ="));
}

TEST(EnvFile, RefusesTheSecondOfTwoLinesWithOneName) {
  EXPECT_THAT(refusal("A=1\nB=2\nexport A=3\n"), StartsWith("/etc/.env:3: expected each name once, found A"));
  EXPECT_THAT(refusal("A=1\nB=2\nexport A=3\n"), HasSubstr("first on line 1"));
}

TEST(EnvFile, RefusesAQuoteThatIsNeverClosedWhereItWasOpened) {
  const std::string message = refusal("A=1\nB=\"secret\nC=2\n");
  EXPECT_THAT(message, StartsWith("/etc/.env:2: the value of B"));
  EXPECT_THAT(message, HasSubstr("add the closing \""));
}

TEST(EnvFile, RefusesTextBehindAClosingQuote) {
  EXPECT_THAT(refusal("A='it''s'\n"), StartsWith("/etc/.env:1: expected nothing behind the closing '"));
}

TEST(EnvFile, RefusesWhatIsNoText) {
  EXPECT_THAT(refusal(std::string("A=b\0c\n", 6)), HasSubstr("NUL"));
  EXPECT_THAT(refusal("\xFF\xFE"
                      "A"),
              HasSubstr("UTF-16"));
}

TEST(EnvFile, NeverRepeatsWhatMayBeASecret) {
  for (const char* text : {"PASSWORD=\"hunter2\nmore", "PASSWORD='hunter2' hunter2", "A=1\n+hunter2\n",
                           "P=1\nP=hunter2\n", "hunter2hunter2hunter2hunter2hunter2hunter2hunter2\n"})
    EXPECT_THAT(refusal(text), Not(HasSubstr("hunter2"))) << text;
}

}  // namespace dispatch::config
