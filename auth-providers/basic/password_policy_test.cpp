#include "password_policy.hpp"

#include "common_passwords.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace {

using basic::passwordFault;
using testing::HasSubstr;

const std::vector<std::string> context{"dispatch",     "acme",        "grace.hopper@example.com",
                                       "grace.hopper", "example.com", "example"};

TEST(PasswordPolicy, CountsCharactersNotBytes) {
  EXPECT_EQ(passwordFault("vierzehn Igel!", 15, {}),
            "A password needs at least 15 characters; this one has 14.");
  EXPECT_EQ(passwordFault("f\xC3\xBCnfzehn Igel!", 15, {}),
            "A password needs at least 15 characters; this one has 14.");
  EXPECT_EQ(passwordFault("f\xC3\xBCnfzehn  Igel!", 15, {}), "");
}

TEST(PasswordPolicy, AsksForNoKindsOfCharacters) {
  for (const char* good : {"correct rhubarb vacuum tundra", "kzvqmwpxhtrbnay", "8293047561923847",
                           "ver mola tigd quast", "     a lot of space     x"})
    EXPECT_EQ(passwordFault(good, 15, context), "") << good;
  EXPECT_EQ(
      passwordFault(
          "\xE6\xB0\xB4\xE7\x81\xAB\xE6\x9C\xA8\xE9\x87\x91\xE5\x9C\x9F\xE6\x97\xA5\xE6\x9C\x88\xE5\xB1\xB1",
          8, context),
      "");
}

TEST(PasswordPolicy, TakesLongOnesUpToItsLimit) {
  std::string phrase;
  for (int i = 0; phrase.size() < 1010; ++i) phrase += "w" + std::to_string(i * 7919) + "q ";
  EXPECT_EQ(passwordFault(phrase, 15, context), "");
  EXPECT_THAT(passwordFault(phrase + phrase.substr(0, 100), 15, {}), HasSubstr("1024 bytes at most"));
}

TEST(PasswordPolicy, RefusesWhatIsGuessedFirst) {
  for (const char* bad :
       {"passwordpassword", "Password12345678", "p@ssw0rd!!!!!!!!", "letmeinwelcome2024", "iloveyou iloveyou",
        "qwertyuiopasdfghjkl", "1234567890123456", "abcdefghijklmnopq", "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc", "zyxwvutsrqponmlkj", "admin admin 2023!!", "CorrectHorseBatteryStaple",
        "correct horse battery staple 1", "May the force be with you", "1qaz1qaz1qaz1qaz",
        "dragonmonkey123456", "SummerSummer2024!"})
    EXPECT_THAT(passwordFault(bad, 15, context), HasSubstr("first that somebody would guess")) << bad;
}

TEST(PasswordPolicy, RefusesWhatIsMostlyTheContext) {
  EXPECT_THAT(passwordFault("grace.hopper@example.com", 15, context), HasSubstr("mostly"));
  EXPECT_THAT(passwordFault("GraceHopper-xk42!", 15, context), HasSubstr("mostly"));
  EXPECT_THAT(passwordFault("Acme-Dispatch-x7", 15, {"acme-dispatch"}), HasSubstr("mostly"));
  EXPECT_EQ(passwordFault("dispatch rhubarb vacuum", 15, context), "");
}

TEST(PasswordPolicy, HoldsShortOnesToTheSameRules) {
  for (const char* bad : {"password", "12345678", "qwertyui", "football", "Sunshine1", "michael99"})
    EXPECT_NE(passwordFault(bad, 8, context), "") << bad;
  EXPECT_EQ(passwordFault("kzvq7mwp", 8, context), "");
}

TEST(PasswordPolicy, RefusesNul) {
  EXPECT_THAT(passwordFault(std::string("kzvqmwpx\0htrbnayx", 17), 15, {}), HasSubstr("NUL"));
}

TEST(PasswordPolicy, AnswersQuicklyWhateverItIsGiven) {
  // The longest that is looked at, made of pieces that begin many words: quadratic work would show.
  std::string nasty;
  while (nasty.size() < basic::longestPassword - 8) nasty += "passpasswor";
  EXPECT_NE(passwordFault(nasty, 15, context), "");
  EXPECT_EQ(passwordFault(nasty + "zj\x01kq", 15, context).find("NUL"), std::string::npos);
}

TEST(PasswordPolicy, ItsListsAreInTheirForm) {
  for (const auto list : {basic::commonRoots(), basic::commonPhrases()}) {
    EXPECT_TRUE(std::is_sorted(list.begin(), list.end()));
    for (const auto word : list)
      EXPECT_TRUE(std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      })) << word;
  }
}

}  // namespace
