#include <dispatch/sdk.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using dispatch::base64Decode;
using dispatch::base64Encode;

TEST(Base64, MatchesRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64Encode(plain), encoded);
    EXPECT_EQ(base64Decode(encoded), plain);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(base64Decode(base64Encode(all)), all);
}

TEST(Base64, TakesNothingElse) {
  for (const char* bad :
       {"Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zg==Zg==", "Zm9v\n", "Zh==", "Zm9=", "Zm-v", "Z g="})
    EXPECT_EQ(base64Decode(bad), std::nullopt) << bad;
}

TEST(QuoteLine, IsOneShortLineOfWholeCharacters) {
  EXPECT_EQ(dispatch::quoteLine(" a\r\nb\tc\x7F "), "a  b c");
  EXPECT_EQ(dispatch::quoteLine("aaaa\xC3\xA4", 5), "aaaa...");
  EXPECT_EQ(dispatch::quoteLine("aaaa\xC3\xA4", 6), "aaaa\xC3\xA4");
}

TEST(UrlEncode, LeavesOnlyTheUnreserved) {
  EXPECT_EQ(dispatch::urlEncode("aZ0-._~ /?&=+%\xC3\xA4"), "aZ0-._~%20%2F%3F%26%3D%2B%25%C3%A4");
}

}  // namespace
