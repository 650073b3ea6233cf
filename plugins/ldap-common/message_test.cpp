#include "message.hpp"

#include "result.hpp"

#include <dispatch/sdk/text.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ldap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string bytes(std::string_view hex) { return *dispatch::hexDecode(hex); }

// Messages made by python3-ldap3 2.9.1 with python3-pyasn1.
constexpr const char* bindRefused = "301c02010261170a0131040004106e6f20737563682070617373776f7264";
constexpr const char* baseMissing = "301d02010365180a0120041164633d6578616d706c652c64633d636f6d0400";
constexpr const char* lastOfAPage =
    "303502010365070a010004000400a02730250416312e322e3834302e3131333535362e312e342e333139040b300902010004046d"
    "6f7265";
constexpr const char* notice =
    "302e02010078290a01340400040a676f696e6720646f776e8a16312e332e362e312e342e312e313436362e3230303336";
constexpr const char* graceEntry =
    "3070020103646b0421636e3d477261636520486f707065722c64633d6578616d706c652c64633d636f6d304630230402636e311d"
    "040c4772"
    "61636520486f70706572040d416d617a696e67204772616365301f040d7469746c653b6c616e672d656e310e040c526561722061"
    "646d6972"
    "616c";
constexpr const char* elsewhere =
    "30360201037331042f6c6461703a2f2f6f746865722e6578616d706c652e636f6d2f64633d6578616d706c652c64633d636f6d3f"
    "3f737562";

TEST(LdapMessage, IsTheBytesThatAnotherEncoderMakes) {
  EXPECT_EQ(encodeStartTls(1), bytes("301d02010177188016312e332e362e312e342e312e313436362e3230303337"));
  EXPECT_EQ(encodeUnbind(4), bytes("30050201044200"));
  SearchRequest request{"ou=people,dc=example,dc=com",
                        Scope::subtree,
                        Filter::parse("(mail=grace@example.com)"),
                        {"cn", "title"},
                        3,
                        10,
                        0,
                        ""};
  EXPECT_EQ(
      encodeSearch(2, request),
      bytes("30590201026354041b6f753d70656f706c652c64633d6578616d706c652c64633d636f6d0a01020a01000201030201"
            "0a010100a31904046d61696c04116772616365406578616d706c652e636f6d300b0402636e04057469746c65"));
  request = {std::string(200, 'x'), Scope::base, Filter::parse("(cn=x)"), {"cn"}, 0, 0, 0, ""};
  EXPECT_EQ(encodeSearch(40000, request), bytes("3081f10203009c406381e90481c8") + std::string(200, 'x') +
                                              bytes("0a01000a0100020100020100010100a3070402636e0401783004"
                                                    "0402636e"));
}

TEST(LdapMessage, AsksForPagesAsAnotherEncoderDoes) {
  const SearchRequest request{
      "dc=example,dc=com", Scope::oneLevel, Filter::parse("(cn=x)"), {"1.1"}, 201, 10, 200, "\x01\x02"};
  EXPECT_EQ(
      encodeSearch(300, request),
      bytes(
          "30610202012c6333041164633d6578616d706c652c64633d636f6d0a01010a0100020200c902010a010100a3070402636e"
          "04017830050403312e31a02630240416312e322e3834302e3131333535362e312e342e333139040a3008020200c8040201"
          "02"));
}

TEST(LdapMessage, ReadsResults) {
  const Message bind = Message::parse(bytes(bindRefused));
  EXPECT_EQ(bind.id, 2);
  EXPECT_EQ(bind.operation, operation::bindResponse);
  EXPECT_EQ(readResult(bind).code, 49);
  EXPECT_EQ(readResult(bind).diagnostic, "no such password");
  const Message done = Message::parse(bytes(baseMissing));
  EXPECT_EQ(readResult(done).code, 32);
  EXPECT_EQ(readResult(done).matchedDn, "dc=example,dc=com");
  EXPECT_EQ(readPageCookie(done), std::nullopt);
  EXPECT_EQ(readPageCookie(Message::parse(bytes(lastOfAPage))), "more");
  const Message ended = Message::parse(bytes(notice));
  EXPECT_EQ(ended.id, 0);
  EXPECT_EQ(readResponseName(ended), noticeOfDisconnectionOid);
  EXPECT_EQ(readResult(ended).diagnostic, "going down");
}

TEST(LdapMessage, ReadsReferrals) {
  const Message message =
      Message::parse(bytes("301d02010365180a010a04000400a30f040d6c6461703a2f2f6f746865722f"));
  EXPECT_EQ(readResult(message).code, 10);
  EXPECT_THAT(readResult(message).referrals, ElementsAre("ldap://other/"));
  EXPECT_THAT(readReference(Message::parse(bytes(elsewhere))),
              ElementsAre("ldap://other.example.com/dc=example,dc=com??sub"));
}

TEST(LdapMessage, ReadsEntries) {
  const Entry entry = readEntry(Message::parse(bytes(graceEntry)));
  EXPECT_EQ(entry.dn, "cn=Grace Hopper,dc=example,dc=com");
  EXPECT_THAT(entry.values("CN"), ElementsAre("Grace Hopper", "Amazing Grace"));
  EXPECT_EQ(entry.value("cn"), "Grace Hopper");
  EXPECT_EQ(entry.value("title"), "Rear admiral") << "title;lang-en";
  EXPECT_EQ(entry.value("titl"), "");
}

/// Reads all there is in a message; whether that worked.
bool reads(const std::string& text) {
  try {
    const Message message = Message::parse(text);
    switch (message.operation) {
      case operation::bindResponse:
      case operation::searchDone:
      case operation::extendedResponse:
        (void)readResult(message);
        (void)readResponseName(message);
        break;
      case operation::searchEntry:
        (void)readEntry(message);
        break;
      case operation::searchReference:
        (void)readReference(message);
        break;
      default:
        break;
    }
    (void)readPageCookie(message);
    return true;
  } catch (const ber::Malformed&) {
    return false;
  }
}

class EveryMessage : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryMessage, IsRefusedWhereItIsCutShort) {
  const std::string whole = bytes(GetParam());
  ASSERT_TRUE(reads(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(reads(whole.substr(0, size))) << size;
    // Cut, with an outer length that hides it: an inner one lies, then.
    if (size >= 2) {
      std::string shortened = whole.substr(0, size);
      shortened[1] = static_cast<char>(size - 2);
      (void)reads(shortened);
    }
  }
  EXPECT_FALSE(reads(whole + "x"));
}

TEST_P(EveryMessage, IsReadOrRefusedWhateverAByteBecomes) {
  const std::string whole = bytes(GetParam());
  std::size_t refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int value = 0; value < 256; ++value) {
      std::string garbled = whole;
      garbled[at] = static_cast<char>(value);
      refused += reads(garbled) ? 0U : 1U;
    }
  EXPECT_GT(refused, whole.size()) << "lengths and tags were garbled as well";
}

TEST_P(EveryMessage, IsRefusedWithALengthThatLies) {
  const std::string whole = bytes(GetParam());
  // Offsets 1 and 6 are the lengths of the message and of its operation (the id has one byte).
  for (const std::size_t at : {std::size_t{1}, std::size_t{6}})
    for (const int change : {-1, 1, 2, 100}) {
      std::string lying = whole;
      lying[at] = static_cast<char>((lying[at] + change) & 0x7F);
      EXPECT_FALSE(reads(lying)) << at << " by " << change;
    }
  std::string indefinite = whole + std::string(2, '\0');
  indefinite[1] = '\x80';
  EXPECT_FALSE(reads(indefinite));
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryMessage,
                         ::testing::Values(bindRefused, baseMissing, lastOfAPage, notice, graceEntry,
                                           elsewhere));

TEST(Refusal, SaysWhatTheServerSaidAndWhatToChange) {
  const auto refused = [](int code, bool anonymous = false) {
    return refusal("ldap.example.com:389 did not search", {code, "dc=example,dc=com", "no way", {}},
                   "base_dn", anonymous);
  };
  const std::pair<int, dispatch_status> kinds[] = {
      {1, DISPATCH_ERR_UNAVAILABLE},  {2, DISPATCH_ERR_INVALID},  {3, DISPATCH_ERR_UNAVAILABLE},
      {4, DISPATCH_ERR_INVALID},      {7, DISPATCH_ERR_DENIED},   {8, DISPATCH_ERR_DENIED},
      {11, DISPATCH_ERR_INVALID},     {13, DISPATCH_ERR_DENIED},  {18, DISPATCH_ERR_INVALID},
      {32, DISPATCH_ERR_NOT_FOUND},   {34, DISPATCH_ERR_INVALID}, {48, DISPATCH_ERR_DENIED},
      {49, DISPATCH_ERR_DENIED},      {50, DISPATCH_ERR_DENIED},  {51, DISPATCH_ERR_UNAVAILABLE},
      {52, DISPATCH_ERR_UNAVAILABLE}, {53, DISPATCH_ERR_DENIED},  {80, DISPATCH_ERR_UNAVAILABLE},
      {123, DISPATCH_ERR_UNAVAILABLE}};
  for (const auto& [code, kind] : kinds) {
    EXPECT_EQ(refused(code).status(), kind) << code;
    EXPECT_THAT(refused(code).message(), HasSubstr("\"no way\"")) << code;
  }
  EXPECT_EQ(refused(32).message(),
            "ldap.example.com:389 did not search: noSuchObject (32), \"no way\". The nearest entry that is "
            "there is "
            "dc=example,dc=com. Change \"base_dn\" to a DN that is there, or give this login the right to "
            "read it.");
  EXPECT_THAT(refused(13).message(), HasSubstr("set \"security\" to starttls, or to tls for port 636"));
  EXPECT_THAT(refused(123).message(), HasSubstr("result code 123"));
  EXPECT_GT(refused(51).retryAfter().count(), 0);
  EXPECT_EQ(refused(52).retryAfter().count(), 0);
  EXPECT_EQ(refused(1, true).status(), DISPATCH_ERR_DENIED) << "Active Directory, without a login";
  EXPECT_THAT(refused(50, true).message(), HasSubstr("enter \"bind_dn\""));
  const auto referred = refusal("x", {10, "", "", {"ldap://other/"}}, "base_dn", false);
  EXPECT_EQ(referred.status(), DISPATCH_ERR_INVALID);
  EXPECT_THAT(referred.message(), HasSubstr("It refers to ldap://other/, and referrals are not followed"));
}

}  // namespace
}  // namespace ldap
