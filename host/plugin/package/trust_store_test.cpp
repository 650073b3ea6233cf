#include "plugin/package/trust_store.hpp"

#include "base/problem.hpp"
#include "plugin/package/trust_files.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>

#include <filesystem>

namespace dispatch::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

template <class Work>
std::string refusal(Work&& work) {
  try {
    work();
    return "";
  } catch (const Problem& problem) {
    return problem.what();
  }
}

class TrustStoreTest : public ::testing::Test {
 protected:
  TrustedKey make(const std::string& name, std::vector<std::string> ids) const {
    TrustedKey key;
    key.name = name;
    key.key = minisign::generate().publicKey();
    key.ids = std::move(ids);
    return key;
  }
  std::string refusalOf(const Json& change) const {
    Json key{{"name", "Acme"}, {"public_key", minisign::generate().publicKey().text()}, {"ids", {"acme-*"}}};
    key.update(change);
    return refusal([&] { TrustStore().add(Json{{"keys", {key}}}.dump(), "acme.json", false); });
  }
  testing::TemporaryDirectory directory;
  std::string shipped = directory / "share", mine = directory / "trust.d";
  TrustFiles files{shipped, mine};
};

TEST_F(TrustStoreTest, APatternIsAnIdOrABeginning) {
  const auto key = make("Acme", {"acme-*", "jira"});
  EXPECT_TRUE(key.allows("acme-jira"));
  EXPECT_TRUE(key.allows("jira"));
  EXPECT_FALSE(key.allows("jira-2"));
  EXPECT_FALSE(key.allows("acme"));
  EXPECT_TRUE(make("All", {"*"}).allows("anything"));
}

TEST_F(TrustStoreTest, ASourceKnowsWhatTheFilesSayNow) {
  const auto trust = trustSource(files, {});
  EXPECT_TRUE(trust()->store.keys().empty());
  files.add(make("Acme", {"acme-*"}));
  ASSERT_EQ(trust()->store.keys().size(), 1u);
  EXPECT_EQ(trust(), trust()) << "read once for each change";
  files.revoke("Acme", "lost");
  EXPECT_EQ(trust()->store.keys().front().revoked, "lost");
  testing::writeFile(mine + "/typo.json", "{");
  EXPECT_THAT(refusal([&] { trust(); }), HasSubstr("typo.json"));
  EXPECT_THAT(refusal([&] { trust(); }), HasSubstr("typo.json")) << "as long as it is there";
  std::filesystem::remove(mine + "/typo.json");
  EXPECT_EQ(trust()->store.keys().size(), 1u);
  files.remove("Acme");
  EXPECT_TRUE(trust()->store.keys().empty());
}

TEST_F(TrustStoreTest, WhatIsWrongIsNamedWithFileKeyAndWhatIsExpected) {
  EXPECT_EQ(refusalOf(Json::object()), "");
  EXPECT_THAT(refusalOf({{"public_key", "RWQ"}}),
              AllOf(HasSubstr("acme.json: key \"Acme\""), HasSubstr("42 bytes in base64")));
  EXPECT_THAT(refusalOf({{"ids", {"a*b"}}}), HasSubstr("id pattern \"a*b\""));
  EXPECT_THAT(refusalOf({{"ids", Json::array()}}), HasSubstr("needs \"ids\""));
  EXPECT_THAT(refusalOf({{"not_after", "soon"}}), HasSubstr("not_after \"soon\"; expected is an instant"));
  EXPECT_THAT(refusalOf({{"not_before", "2027-01-01"}, {"not_after", "2026-01-01"}}), HasSubstr("never"));
  EXPECT_THAT(refusalOf({{"revoked", true}}), HasSubstr("needs a \"revoked\" in text, found true"));
  EXPECT_THAT(refusalOf({{"revoke", "x"}}), HasSubstr("unknown member \"revoke\""));
  EXPECT_THAT(refusal([&] { TrustStore().add("[]", "acme.json", false); }),
              HasSubstr("must be a JSON object"));
  EXPECT_THAT(refusal([&] { TrustStore().add("{", "acme.json", false); }), HasSubstr("acme.json"));
  EXPECT_THAT(refusal([&] {
                TrustStore().add(R"({"revoked_packages": [{"digest": "abc", "reason": "x"}]})", "acme.json",
                                 false);
              }),
              HasSubstr("64 hexadecimal digits"));
}

TEST_F(TrustStoreTest, AFileThatIsNotUnderstoodStopsIt) {
  testing::writeFile(mine + "/one.json", "{\"keys\": 3}");
  EXPECT_THAT(refusal([&] { files.load(); }), HasSubstr("one.json"));
}

TEST_F(TrustStoreTest, AFileThatEverybodyMayWriteStopsIt) {
  files.add(make("Acme", {"acme-*"}));
  for (const auto& file : std::filesystem::directory_iterator(mine))
    std::filesystem::permissions(file.path(), std::filesystem::perms::all);
  EXPECT_THAT(refusal([&] { files.load(); }), HasSubstr("chmod o-w"));
}

TEST_F(TrustStoreTest, DirectoriesThatAreNotThereHoldNothing) { EXPECT_TRUE(files.load().keys().empty()); }

TEST_F(TrustStoreTest, KeysAreAddedChangedAndRemoved) {
  auto key = make("Acme", {"acme-*"});
  key.notAfter = parseInstant("2030-01-01");
  files.add(key);
  key.ids = {"acme-jira"};
  files.add(key);
  const auto store = files.load();
  ASSERT_EQ(store.keys().size(), 1u);
  EXPECT_EQ(store.keys()[0].key, key.key);
  EXPECT_EQ(store.keys()[0].ids, std::vector<std::string>{"acme-jira"});
  EXPECT_EQ(store.keys()[0].notAfter, key.notAfter);
  EXPECT_FALSE(store.keys()[0].firstParty);
  EXPECT_EQ(refusal([&] { files.remove("Acme"); }), "");
  EXPECT_TRUE(files.load().keys().empty());
  EXPECT_THAT(refusal([&] { files.remove("Acme"); }), HasSubstr("No trusted key has the name or id"));
}

TEST_F(TrustStoreTest, ARevokedKeyIsNotTrustedAgainByTheWay) {
  const auto key = make("Acme", {"acme-*"});
  files.add(key);
  EXPECT_THAT(refusal([&] { files.revoke("Acme", ""); }), HasSubstr("needs its reason"));
  files.revoke(minisign::keyIdText(key.key.id), "lost");
  EXPECT_EQ(files.load().keys().at(0).revoked, "lost");
  EXPECT_THAT(refusal([&] { files.add(key); }), AllOf(HasSubstr("was revoked"), HasSubstr("trust remove")));
}

TEST_F(TrustStoreTest, WhatCameWithTheInstallationIsRevokedByAnEntryOfTheOperators) {
  const auto key = make("Build", {"*"});
  testing::writeFile(
      shipped + "/first-party.json",
      Json{{"keys", {{{"name", "Build"}, {"public_key", key.key.text()}, {"ids", {"*"}}}}}}.dump());
  EXPECT_TRUE(files.load().keys().at(0).firstParty);
  EXPECT_THAT(refusal([&] { files.remove("Build"); }), HasSubstr("only revoked"));
  files.revoke("Build", "stolen");
  const auto store = files.load();
  const auto found = store.find(key.key.id);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_TRUE(found[0]->revoked || found[1]->revoked);
  files.remove("Build");
  EXPECT_EQ(files.load().keys().size(), 1u) << "the revocation is what was removed";
}

TEST_F(TrustStoreTest, PackagesAreRevokedByTheirDigest) {
  const std::string first(64, 'a'), second(64, 'b');
  files.revoke(first, "leaks");
  files.revoke(second, "crashes");
  files.revoke(first, "leaks tokens");
  const auto store = files.load();
  EXPECT_EQ(store.revokedPackages().size(), 2u);
  ASSERT_NE(store.revokedPackage(first), nullptr);
  EXPECT_EQ(store.revokedPackage(first)->reason, "leaks tokens");
  EXPECT_EQ(store.revokedPackage(std::string(64, 'c')), nullptr);
}

TEST_F(TrustStoreTest, TwoKeysOfOneNameAreToldApartByTheirIds) {
  const auto one = make("Acme", {"a*"}), two = make("Acme", {"b*"});
  files.add(one);
  files.add(two);
  EXPECT_THAT(refusal([&] { files.remove("Acme"); }), HasSubstr("say which by its id"));
  EXPECT_EQ(files.remove(minisign::keyIdText(one.key.id)).key, one.key);
}

}  // namespace
}  // namespace dispatch::plugin
