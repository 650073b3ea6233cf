#include "ber.hpp"

#include <dispatch/sdk/text.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ldap::ber {
namespace {

using ::testing::HasSubstr;

std::string bytes(std::string_view hex) { return *dispatch::hexDecode(hex); }

/// A reader that has its bytes with it.
struct Read {
  explicit Read(std::string_view hex) : data(bytes(hex)), reader(data) {}
  Reader* operator->() { return &reader; }
  std::string data;
  Reader reader;
};

/// The text of the refusal; empty: none.
template <class Function>
std::string refusal(Function&& function) {
  try {
    function();
    return {};
  } catch (const Malformed& error) {
    return error.what();
  }
}

TEST(Ber, WritesLengthsAsShortAsTheyGo) {
  EXPECT_EQ(encode(4, ""), bytes("0400"));
  EXPECT_EQ(encode(4, std::string(127, 'x')), bytes("047f") + std::string(127, 'x'));
  EXPECT_EQ(encode(4, std::string(128, 'x')), bytes("048180") + std::string(128, 'x'));
  EXPECT_EQ(encode(4, std::string(255, 'x')), bytes("0481ff") + std::string(255, 'x'));
  EXPECT_EQ(encode(4, std::string(256, 'x')), bytes("04820100") + std::string(256, 'x'));
  EXPECT_EQ(encode(4, std::string(65536, 'x')), bytes("0483010000") + std::string(65536, 'x'));
}

TEST(Ber, WritesNumbersAsShortAsTheyGo) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "020100"},       {1, "020101"},         {127, "02017f"},
      {128, "02020080"},   {255, "020200ff"},     {256, "02020100"},
      {32767, "02027fff"}, {32768, "0203008000"}, {2147483647, "02047fffffff"},
      {-1, "0201ff"},      {-128, "020180"},      {-129, "0202ff7f"}};
  for (const auto& [value, hex] : cases) {
    EXPECT_EQ(encodeInteger(value), bytes(hex)) << value;
    EXPECT_EQ(Read(hex)->integer("n"), value) << hex;
  }
  EXPECT_EQ(encodeInteger(3, tag::enumerated), bytes("0a0103"));
  EXPECT_EQ(encodeBoolean(true), bytes("0101ff")) << "RFC 4511 section 5.1";
  EXPECT_EQ(encodeBoolean(false), bytes("010100"));
}

TEST(Ber, ReadsLengthsThatAreLongerThanNeeded) {
  // Active Directory always writes four octets.
  EXPECT_EQ(Read("0484000000026162")->text("t"), "ab");
  EXPECT_EQ(elementSize(bytes("308400000005"), 100), 11U);
}

TEST(Ber, TellsTheSizeAsSoonAsItIsKnown) {
  EXPECT_EQ(elementSize("", 100), std::nullopt);
  EXPECT_EQ(elementSize(bytes("30"), 100), std::nullopt);
  EXPECT_EQ(elementSize(bytes("3005"), 100), 7U);
  EXPECT_EQ(elementSize(bytes("3082"), 1000), std::nullopt);
  EXPECT_EQ(elementSize(bytes("308201"), 1000), std::nullopt);
  EXPECT_EQ(elementSize(bytes("30820100"), 1000), 260U);
}

TEST(Ber, RefusesWhatLdapForbids) {
  EXPECT_THAT(refusal([] { (void)elementSize(bytes("3080"), 100); }), HasSubstr("indefinite length"));
  EXPECT_THAT(refusal([] { (void)Read("0480616200000000")->text("t"); }), HasSubstr("indefinite length"));
  EXPECT_THAT(refusal([] { (void)elementSize(bytes("3f8101"), 100); }), HasSubstr("tag of several octets"));
}

TEST(Ber, RefusesStringsInPieces) {
  // A constructed OCTET STRING (X.690 section 8.7.3).
  const std::string pieces = bytes("240404026162");
  EXPECT_EQ(refusal([&] { (void)Reader(pieces).text("a name"); }),
            "it has tag 36 where a name with tag 4 belongs");
}

TEST(Ber, RefusesLengthsThatLie) {
  EXPECT_EQ(refusal([] { (void)Read("04036162")->text("a name"); }),
            "for a name it announces 3 bytes, and 2 bytes are left");
  EXPECT_EQ(refusal([] { (void)Read("0484ffffffff61")->text("a name"); }),
            "for a name it announces 4294967295 bytes, and 1 byte is left");
  EXPECT_THAT(refusal([] { (void)Read("0485000000000161")->text("a name"); }),
              HasSubstr("length of 5 octets"));
  EXPECT_THAT(refusal([] { (void)elementSize(bytes("3084ffffffff"), 4096); }),
              HasSubstr("announces a message of 4294967295 bytes, and the most is 4096 bytes"));
  // Inside another element the outer one's end counts, not that of the bytes.
  const std::string inner = bytes("300404037878") + "x";
  EXPECT_THAT(refusal([&] {
                Reader outer(inner);
                (void)outer.inside("a message").text("a name");
              }),
              HasSubstr("announces 3 bytes, and 2 bytes are left"));
}

TEST(Ber, RefusesOtherTypesThanBelongThere) {
  EXPECT_EQ(refusal([] { (void)Read("020101")->text("a name"); }),
            "it has tag 2 where a name with tag 4 belongs");
  EXPECT_THAT(refusal([] { (void)Read("0200")->integer("a number"); }), HasSubstr("a number of 0 bytes"));
  EXPECT_THAT(refusal([] { (void)Read("02050100000000")->integer("a number"); }),
              HasSubstr("a number of 5 bytes"));
  EXPECT_THAT(refusal([] { (void)Read("0100")->boolean("a truth"); }), HasSubstr("a truth value of 0 bytes"));
  EXPECT_THAT(refusal([] { (void)Reader("").next("a name"); }), HasSubstr("it ends where a name belongs"));
}

TEST(Ber, RefusesEveryPrefixOfAnElement) {
  const std::string whole = encode(tag::octetString, std::string(300, 'x'));
  EXPECT_EQ(Reader(whole).text("t").size(), 300U);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(refusal([&] { (void)Reader(std::string_view(whole).substr(0, size)).text("t"); }), "") << size;
}

}  // namespace
}  // namespace ldap::ber
