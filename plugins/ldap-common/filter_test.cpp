#include "filter.hpp"

#include <dispatch/sdk/text.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ldap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string bytes(std::string_view hex) { return *dispatch::hexDecode(hex); }

std::string refusal(const std::string& text) {
  try {
    (void)Filter::parse(text);
    return {};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(Filter, IsTheBytesThatAnotherEncoderMakes) {
  // Made by python3-ldap3 2.9.1 with python3-pyasn1; of its TRUE, 01, LDAP wants FF (RFC 4511 section 5.1).
  const std::pair<const char*, const char*> cases[] = {
      {"(cn=Grace)", "a30b0402636e04054772616365"},
      {"(objectClass=*)", "870b6f626a656374436c617373"},
      {"(cn=a*b*c)", "a40f0402636e3009800161810162820163"},
      {"(cn=*z)", "a4090402636e300382017a"},
      {"(cn=a*)", "a4090402636e3003800161"},
      {"(n>=5)", "a50604016e040135"},
      {"(n<=5)", "a60604016e040135"},
      {"(n~=5)", "a80604016e040135"},
      {"(!(cn=x))", "a209a3070402636e040178"},
      {"(&(a=1)(b=2))", "a010a306040161040131a306040162040132"},
      {"(|(a=1)(!(b=2)))", "a112a306040161040131a208a306040162040132"},
      {"(&(objectClass=inetOrgPerson)(mail=\\2a\\28x\\29\\5c))",
       "a02da31c040b6f626a656374436c617373040d696e65744f7267506572736f6ea30d04046d61696c04052a2878295c"},
      {"(uac:1.2.840.113556.1.4.803:=2)",
       "a9208116312e322e3834302e3131333535362e312e342e3830338203756163830132"},
      {"(cn:dn:caseExactMatch:=x)", "a91a810e6361736545786163744d617463688202636e8301788401ff"},
      {"(:dn:2.4.6:=x)", "a90d8105322e342e368301788401ff"},
      {"(cn:=x)", "a9078202636e830178"}};
  for (const auto& [text, hex] : cases) {
    EXPECT_EQ(Filter::parse(text).encode(), bytes(hex)) << text;
    EXPECT_EQ(Filter::parse(text).text(), text);
  }
}

TEST(Filter, AllowsWhiteSpaceBetweenItsParts) {
  EXPECT_EQ(Filter::parse(" (&\n  (a=1)\n  (| (b=2) (c=3) ) )\n").text(), "(&(a=1)(|(b=2)(c=3)))");
  EXPECT_EQ(Filter::parse("(cn=Grace Hopper )").text(), "(cn=Grace Hopper )") << "in a value it counts";
}

TEST(Filter, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(refusal("mail=x"), "it lacks a \"(\" at character 1");
  EXPECT_EQ(refusal(""), "it lacks a \"(\" at character 1");
  EXPECT_EQ(refusal("(&(a=1)"), "it lacks a \")\" at character 8");
  EXPECT_EQ(refusal("(a=1))"), "it goes on after its end at character 6");
  EXPECT_THAT(refusal("(abc)"), HasSubstr("has no \"=\""));
  EXPECT_THAT(refusal("(=x)"), HasSubstr("has no attribute before \"=\""));
  EXPECT_THAT(refusal("(a b=x)"), HasSubstr("has no attribute"));
  EXPECT_THAT(refusal("(:=x)"), HasSubstr("neither an attribute nor a matching rule"));
  EXPECT_THAT(refusal("(a=\\2)"), HasSubstr("without two hexadecimal digits"));
  EXPECT_THAT(refusal("(a=\\zz)"), HasSubstr("without two hexadecimal digits"));
  EXPECT_THAT(refusal("(a=b(c)"), HasSubstr("lacks a \")\""));
  EXPECT_THAT(refusal("(!)"), HasSubstr("lacks a \"(\""));
  EXPECT_THAT(refusal("(!(a=1)(b=2))"), HasSubstr("lacks a \")\""));
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "(!";
  EXPECT_THAT(refusal(deep), HasSubstr("nested more than 20 deep"));
}

TEST(Filter, AValueCannotChangeWhatItMeans) {
  const Filter filter = Filter::parse("(&(objectClass=inetOrgPerson)(mail={email}))");
  EXPECT_THAT(filter.placeholders(), ElementsAre("email"));
  const std::string evil("*)(uid=*))(|(mail=\\\0{email}", 27);
  const Filter filled = filter.fill({{"email", {evil}}});
  EXPECT_EQ(filled.text(),
            "(&(objectClass=inetOrgPerson)(mail=\\2a\\29\\28uid=\\2a\\29\\29\\28|\\28mail=\\5c\\00{email}))");
  // The same, if somebody reads that text again: one assertion whose value is those bytes.
  EXPECT_NE(filled.encode().find(std::string("\x04\x04mail\x04\x1b", 8) + evil), std::string::npos);
  EXPECT_EQ(filter.fill({{"email", {"Grace@Example.com"}}}).text(),
            "(&(objectClass=inetOrgPerson)(mail=Grace@Example.com))");
}

TEST(Filter, TriesEachOfSeveralValues) {
  const Filter filter = Filter::parse("(|(cn=type-{type})(cn=tag-{tags}-{type}))");
  EXPECT_EQ(filter.fill({{"type", {"Default"}}, {"tags", {"a", "b"}}}).text(),
            "(|(cn=type-Default)(|(cn=tag-a-Default)(cn=tag-b-Default)))");
  EXPECT_EQ(filter.fill({{"type", {"Default"}}, {"tags", {"a"}}}).text(),
            "(|(cn=type-Default)(cn=tag-a-Default))");
}

TEST(Filter, HoldsForNothingWhereAValueIsMissing) {
  const auto filled = [](const char* text, const Values& values) { return Filter::parse(text).fill(values); };
  EXPECT_EQ(filled("(|(cn=x)(cn=tag-{tags}))", {{"tags", {}}}).text(), "(cn=x)");
  EXPECT_EQ(filled("(|(cn=x)(cn=p-{priority}))", {{"priority", {""}}}).text(), "(cn=x)");
  EXPECT_TRUE(filled("(&(cn=x)(cn=tag-{tags}))", {}).isNothing());
  EXPECT_TRUE(filled("(cn={tags})", {}).isNothing());
  EXPECT_TRUE(filled("(&(objectClass=*)(|(cn=a-{tags})(cn=*{tags}*)))", {}).isNothing());
  EXPECT_FALSE(filled("(!(cn={tags}))", {}).isNothing());
  EXPECT_EQ(filled("(!(cn={tags}))", {}).encode(), Filter::parse("(objectClass=*)").encode());
  EXPECT_EQ(filled("(&(cn=x)(!(cn={tags})))", {}).text(), "(cn=x)");
}

TEST(Filter, BracesThatAreNoPlaceholderStayAsTheyAre) {
  EXPECT_TRUE(Filter::parse("(cn={)").placeholders().empty());
  EXPECT_TRUE(Filter::parse("(cn={a b})").placeholders().empty());
  EXPECT_TRUE(Filter::parse("(cn=\\7btype})").placeholders().empty());
  EXPECT_EQ(Filter::parse("(cn=\\7btype})").fill({{"type", {"x"}}}).text(), "(cn={type})");
}

TEST(Filter, MakesOneOfSeveral) {
  const Filter both = Filter::anyOf({Filter::equal("uid", "a"), Filter::equal("uid", "b*")});
  EXPECT_EQ(Filter::allOf({both, Filter::anything()}).text(), "(|(uid=a)(uid=b\\2a))");
  EXPECT_EQ(Filter::anyOf({both, Filter::anything()}).text(), "(&)");
  EXPECT_EQ(Filter::anything().encode(), Filter::parse("(objectClass=*)").encode());
}

}  // namespace
}  // namespace ldap
