#include "config/secret_text.hpp"

#include <gtest/gtest.h>

#include <cstring>

namespace dispatch::config {

TEST(SecretText, HoldsWhatItWasGivenAndCopiesShareIt) {
  const std::string text("pa\0ss", 5);
  const SecretText secret(text);
  const SecretText copy = secret;
  EXPECT_EQ(copy.reveal(), std::string_view(text));
  EXPECT_EQ(copy.reveal().data(), secret.reveal().data());
}

TEST(SecretText, IsEmptyWithoutMemory) {
  SecretText secret;
  EXPECT_TRUE(secret.empty());
  EXPECT_TRUE(SecretText("").empty());
  EXPECT_TRUE(SecretText::ofSize(0).empty());
  EXPECT_EQ(secret.data(), nullptr);
  EXPECT_TRUE(secret.equals(""));
  EXPECT_FALSE(secret.equals("x"));
}

TEST(SecretText, IsFilledInPlace) {
  SecretText secret = SecretText::ofSize(4);
  EXPECT_TRUE(secret.equals(std::string(4, '\0')));
  std::memcpy(secret.data(), "abcd", 4);
  EXPECT_TRUE(secret.equals("abcd"));
  EXPECT_FALSE(secret.equals("abce"));
  EXPECT_FALSE(secret.equals("abc"));
}

// The pages behind the buffer trap: a reader that runs over the end dies at once instead of finding a
// neighbour's secret.
TEST(SecretTextDeathTest, ReadingPastTheEndTraps) {
  EXPECT_DEATH(
      {
        SecretText secret(std::string(64, 'x'));
        const volatile char* end = secret.reveal().data() + secret.size();
        [[maybe_unused]] const char beyond = *end;
      },
      "");
}

}  // namespace dispatch::config
