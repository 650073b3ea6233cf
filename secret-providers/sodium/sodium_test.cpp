#include <dispatch/testing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::testing::FakeHost;
using dispatch::testing::Json;
using testing::HasSubstr;

class Sodium : public testing::Test {
 protected:
  auto load(const std::string& key = "key one") {
    return host.load(dispatch_plugin_query_v1(), {{"key", host.secret(key)}});
  }
  FakeHost host;
};

TEST_F(Sodium, DecryptsWhatItEncrypted) {
  auto plugin = load();
  const std::string secrets[] = {"x", "p\0q", "caf\xC3\xA9 ]", std::string(65000, 's')};
  for (const std::string& secret : secrets) {
    const auto sealed = plugin.encrypt("DATABASE_CREDENTIALS", secret);
    ASSERT_TRUE(sealed.ok()) << sealed.message;
    const auto opened = plugin.decrypt("DATABASE_CREDENTIALS", sealed.value.get<std::string>());
    ASSERT_TRUE(opened.ok()) << opened.message;
    EXPECT_EQ(opened.value, secret);
  }
}

TEST_F(Sodium, AValueMovedToAnotherSettingDoesNotOpen) {
  auto plugin = load();
  const std::string sealed = plugin.encrypt("SMTP_PASSWORD", "s3cret").value;
  for (const char* other : {"SMTP_PASSWOR", "SMTP_PASSWORDX", "JWT_SECRET"}) {
    const auto outcome = plugin.decrypt(other, sealed);
    EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED) << other;
    EXPECT_THAT(outcome.message, HasSubstr(other));
    EXPECT_THAT(outcome.message, testing::Not(HasSubstr("s3cret")));
  }
}

TEST_F(Sodium, AnotherKeyDoesNotOpen) {
  const std::string sealed = load("key one").encrypt("NAME", "s3cret").value;
  const auto outcome = load("key two").decrypt("NAME", sealed);
  EXPECT_EQ(outcome.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(outcome.message, HasSubstr("another key"));
}

TEST_F(Sodium, GarbledValuesAreNamed) {
  auto plugin = load();
  EXPECT_THAT(plugin.decrypt("NAME", "not base64!").message, HasSubstr("for NAME is not base64"));
  EXPECT_THAT(plugin.decrypt("NAME", "").message, HasSubstr("too short"));
  EXPECT_THAT(plugin.decrypt("NAME", "QUJD").message, HasSubstr("too short"));
  EXPECT_EQ(plugin.decrypt("", "QUJD").status, DISPATCH_ERR_INVALID);
}

TEST_F(Sodium, ReadsAValueThatWasWrapped) {
  auto plugin = load();
  std::string sealed = plugin.encrypt("NAME", "s3cret").value;
  sealed.insert(20, "\n  ");
  EXPECT_EQ(plugin.decrypt("NAME", sealed).value, "s3cret");
}

TEST_F(Sodium, EncryptsNothingEmptyOrHuge) {
  auto plugin = load();
  EXPECT_EQ(plugin.encrypt("NAME", "").status, DISPATCH_ERR_INVALID);
  EXPECT_EQ(plugin.encrypt("NAME", std::string(64 * 1024 + 1, 'x')).status, DISPATCH_ERR_INVALID);
  EXPECT_EQ(plugin.encrypt(std::string("A\0B", 3), "x").status, DISPATCH_ERR_INVALID);
}

TEST_F(Sodium, CannotBeMadeWithoutItsKey) {
  const auto outcome = host.tryLoad(dispatch_plugin_query_v1(), Json::object());
  EXPECT_EQ(outcome.status, DISPATCH_ERR_INVALID);
  EXPECT_EQ(outcome.message, "Setting \"key\" is missing: enter the secret.");
}

}  // namespace
