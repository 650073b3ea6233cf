#include "base/base.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace dispatch {

TEST(Time, WritesSixFractionDigitsSoThatTextOrderIsTimeOrder) {
  EXPECT_EQ(toText(*parseInstant("2024-02-29T12:00:01Z")), "2024-02-29T12:00:01.000000Z");
  EXPECT_LT(toText(*parseInstant("2024-02-29T12:00:01.9Z")), toText(*parseInstant("2024-02-29T12:00:10Z")));
}

TEST(Time, ReadsEveryFormTheApiAccepts) {
  const std::string expected = "2024-01-01T10:00:00.000000Z";
  for (const char* text :
       {"2024-01-01T10:00:00Z", "2024-01-01T10:00:00", "2024-01-01 10:00", "2024-01-01T12:00:00+02:00",
        "2024-01-01T05:00:00.000-0500", "1704103200", "1704103200.0"})
    EXPECT_EQ(toText(parseInstant(text).value()), expected) << text;
  EXPECT_EQ(toText(parseInstant("2024-01-01").value()), "2024-01-01T00:00:00.000000Z");
}

TEST(Time, RefusesWhatIsNoInstant) {
  for (const char* text : {"", "now", "2024-13-01", "2024-02-30", "2024-01-01T25:00", "2024-01-01T10:00:00X",
                           "2024-1-1", "2024-01-01T10:00:00+", "nan", "1e300", "2024-01-01T10:00:00."})
    EXPECT_FALSE(parseInstant(text)) << text;
}

TEST(Json, NamesWhatIsWrongAndWhere) {
  EXPECT_THROW(parseJson("{", "The body"), Problem);
  EXPECT_THROW(parseJson(R"({"a":1,"a":2})", "The body"), Problem);
  EXPECT_THROW(parseJson(std::string(100, '[') + std::string(100, ']'), "The body"), Problem);
  // A number that no double holds was once another exception, and a 500.
  EXPECT_THROW(parseJson("[1e400]", "The body"), Problem);
  EXPECT_EQ(parseJson(R"({"a":{"a":1}})", "The body")["a"]["a"], 1);
  EXPECT_EQ(dumpJson(Json("\xff")), "\"\xEF\xBF\xBD\"");
}

TEST(Json, IsWrittenAsItsLibraryWritesIt) {
  for (const char* text :
       {"null", "true", "[]", "{}", "[1,-1,0,9223372036854775807,-9223372036854775808,18446744073709551615]",
        "[0.1,1e300,-2.5,3.0]", R"({"a":{"b":[{},[],"x"]},"c \" \\ d":"tab\tnew\nline"})",
        R"(["\u0000\u001f\u007f","Ünïcödé 漢字 🙂","</script>"])"}) {
    const auto value = Json::parse(text);
    EXPECT_EQ(dumpJson(value), value.dump()) << text;
  }
  EXPECT_EQ(dumpJson(Json(std::numeric_limits<double>::infinity())), "null");
}

TEST(Json, WhatIsWrittenAlreadyStandsAsItIs) {
  const Json inner{{"name", "Ünï \"quoted\""}, {"list", {1, 2}}};
  const auto text = dumpJson(inner);
  EXPECT_EQ(dumpJson({{"one", writtenJson(text)}, {"more", {writtenJson(text), writtenJson("7")}}}),
            dumpJson({{"one", inner}, {"more", {inner, 7}}}));
  EXPECT_EQ(dumpJson(Json::binary({1, 2})), Json::binary({1, 2}).dump()) << "other bytes are no JSON";
}

TEST(Random, TokensAreUniqueAndUrlSafe) {
  const auto token = randomToken();
  EXPECT_EQ(token.size(), 43u);
  EXPECT_EQ(token.find_first_of("+/="), std::string::npos);
  EXPECT_NE(token, randomToken());
  EXPECT_EQ(randomUuid()[14], '4');
}

}  // namespace dispatch
