#include "plugin/service/secret_box.hpp"

#include "plugin/service/service_support.hpp"

#include <gtest/gtest.h>

namespace dispatch::plugin {
namespace {

dispatch_str str(const char* text) { return {text, std::char_traits<char>::length(text)}; }

class SecretBoxTest : public ::testing::Test {
 protected:
  SecretBoxTest() { box.take({{3, config::SecretText("p\"ss w/rd:1")}}); }
  std::string rendered(const char* encoder, const char* argument = "", const char* text = "",
                       std::uint32_t handle = 3) {
    dispatch_secret_use use{};
    use.struct_size = sizeof use;
    use.secret = handle;
    use.encoder = str(encoder);
    use.argument = str(argument);
    use.text = str(text);
    return std::string(box.render(use).view());
  }
  dispatch_status refusal(const char* encoder, const char* argument = "", std::uint32_t handle = 3) {
    try {
      rendered(encoder, argument, "", handle);
      return DISPATCH_OK;
    } catch (const ServiceRefusal& refused) {
      return refused.status();
    }
  }
  SecretBox box;
};

TEST_F(SecretBoxTest, EveryEncoderOfTheHeader) {
  EXPECT_EQ(rendered("raw"), "p\"ss w/rd:1");
  EXPECT_EQ(rendered("bearer"), "Bearer p\"ss w/rd:1");
  EXPECT_EQ(rendered("base64"), "cCJzcyB3L3JkOjE=");
  EXPECT_EQ(rendered("basic", "me"), "Basic bWU6cCJzcyB3L3JkOjE=");
  EXPECT_EQ(rendered("sasl-plain", "me"), "AG1lAHAic3Mgdy9yZDox");
  EXPECT_EQ(rendered("url"), "p%22ss%20w%2Frd%3A1");
  EXPECT_EQ(rendered("json"), "p\\\"ss w/rd:1");
  EXPECT_EQ(rendered("ldap-bind", "7 cn=me"), std::string("\x30\x1c\x02\x01\x07\x60\x17\x02\x01\x03\x04\x05"
                                                          "cn=me\x80\x0b"
                                                          "p\"ss w/rd:1"));
  EXPECT_EQ(rendered("raw", "", "before "), "before p\"ss w/rd:1");
  EXPECT_EQ(rendered("", "", "only text", 0), "only text");
}

TEST_F(SecretBoxTest, WhatCannotBeSaidIsRefused) {
  EXPECT_EQ(refusal("rot13"), DISPATCH_ERR_UNSUPPORTED);
  EXPECT_EQ(refusal("raw", "", 4), DISPATCH_ERR_INVALID) << "another instance's handle";
  EXPECT_EQ(refusal("basic", "a:b"), DISPATCH_ERR_INVALID) << "RFC 7617: no colon in a user name";
  for (const char* argument : {"", "7", "7 ", "x cn=me", "0 cn=me", "-1 cn=me", "2147483648 cn=me", " cn=me"})
    EXPECT_EQ(refusal("ldap-bind", argument), DISPATCH_ERR_INVALID) << argument;
  dispatch_secret_use small{};
  small.struct_size = 8;
  EXPECT_THROW(box.render(small), ServiceRefusal);
}

TEST_F(SecretBoxTest, AnLdapBindSaysItsLengthsWhateverTheyAre) {
  const std::string dn(130, 'd');
  box.take({{3, config::SecretText(std::string(300, 'p'))}});
  const auto message = rendered("ldap-bind", ("40000 " + dn).c_str());
  EXPECT_EQ(message,
            std::string("\x30\x82\x01\xc1\x02\x03\x00\x9c\x40\x60\x82\x01\xb8\x02\x01\x03\x04\x81\x82", 19) +
                dn + "\x80\x82\x01\x2c" + std::string(300, 'p'));
  box.take({{3, config::SecretText("")}});
  EXPECT_EQ(refusal("ldap-bind", "1 cn=me"), DISPATCH_ERR_INVALID) << "RFC 4513 section 5.1.2";
}

TEST_F(SecretBoxTest, EveryFormThatAPeerMayEchoIsBlottedOut) {
  rendered("basic", "me");
  for (const auto* form : {"p\"ss w/rd:1", "cCJzcyB3L3JkOjE=", "cCJzcyB3L3JkOjE",
                           "bWU6cCJzcyB3L3JkOjE=", "p%22ss%20w%2Frd%3A1", "p\\\"ss w/rd:1"})
    EXPECT_EQ(box.blot(std::string("<") + form + ">" + form), "<[secret]>[secret]") << form;
  EXPECT_EQ(box.blot("nothing here"), "nothing here");
}

TEST_F(SecretBoxTest, ShortSecretsDoNotBlotOrdinaryText) {
  box.take({{4, config::SecretText("admin")}});
  EXPECT_EQ(box.blot("the admin"), "the admin");
}

TEST_F(SecretBoxTest, SecretsOfTheConfigurationBeforeStillWork) {
  box.take({{5, config::SecretText("the-new-one")}});
  EXPECT_EQ(rendered("raw"), "p\"ss w/rd:1");
  EXPECT_EQ(rendered("raw", "", "", 5), "the-new-one");
  EXPECT_EQ(box.blot("p\"ss w/rd:1 the-new-one"), "[secret] [secret]");
  box.take({});
  EXPECT_EQ(refusal("raw"), DISPATCH_ERR_INVALID) << "two configurations ago";
}

TEST(OneLine, EscapesAndCutsBetweenCharacters) {
  EXPECT_EQ(oneLine("a\nb\rc\td\x1b[31m\x7f", 100), "a\\nb\\rc d\\x1b[31m\\x7f");
  EXPECT_EQ(oneLine("äöü", 3), "ä…");
  EXPECT_EQ(oneLine("äöü", 6), "äöü");
}

}  // namespace
}  // namespace dispatch::plugin
