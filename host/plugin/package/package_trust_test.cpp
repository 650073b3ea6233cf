// The corpus of packages that must not run: one defect each, found by one check each.
#include "plugin/package/package_checks.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"
#include "plugin/testing/corpus.hpp"

#include <gmock/gmock.h>

#include <functional>

namespace dispatch::plugin {
namespace {

using ::testing::HasSubstr;
using testing::PackageFiles;

/// A package, and what the host knows and trusts.
struct Case {
  testing::TemporaryDirectory directory;
  PackageFiles files{"tiny", "tiny"};
  minisign::SecretKey key = minisign::generate();
  TrustedKey trusted;
  TrustPolicy policy;
  std::string comment = packageMark("tiny", "1.0.0") + " timestamp:0";
  std::string signedText;  ///< "" = the manifest's
  bool isSigned = true;
  std::shared_ptr<Ledger> ledger;

  Case() {
    trusted.name = "Author";
    trusted.key = key.publicKey();
    trusted.ids = {"tin*"};
    trusted.notBefore = parseInstant("2026-01-01T00:00:00Z");
    trusted.notAfter = parseInstant("2027-01-01T00:00:00Z");
    trusted.file = "author.json";
    policy.clock = [] { return *parseInstant("2026-06-01T00:00:00Z"); };
    policy.ledger = ledger = std::make_shared<Ledger>(directory / "ledger/ledger.json");
    ledger->served("tiny", "1.0.0");
  }
};

struct Defect {
  const char* check;
  const char* sentence;
  void (*make)(Case& subject);
};

void PrintTo(const Defect& defect, std::ostream* out) { *out << defect.check; }

std::vector<PackageCheckResult> check(Case& subject, std::string_view without = "") {
  if (subject.isSigned && subject.files.files.count("plugin.json.minisig") == 0)
    subject.files.files["plugin.json.minisig"] = minisign::sign(
        subject.key, subject.signedText.empty() ? subject.files.manifestText() : subject.signedText,
        subject.comment);
  subject.files.isSigned = false;
  const auto path = subject.directory / "tiny";
  subject.files.write(path);
  static const auto schema = testing::manifestSchema();
  if (subject.policy.store.keys().empty()) subject.policy.store.add(subject.trusted);
  PackageCandidate candidate{schema, subject.policy, path};
  return checkPackage(candidate, without);
}

/// The check that failed; "" if none did.
std::string failed(const std::vector<PackageCheckResult>& results) {
  for (const auto& result : results)
    if (result.state == PackageCheckResult::State::failed) return std::string(result.check->name);
  return "";
}

std::string sentenceOf(const std::vector<PackageCheckResult>& results) {
  for (const auto& result : results)
    if (result.state == PackageCheckResult::State::failed) return result.detail;
  return "";
}

class PackageDefect : public ::testing::TestWithParam<Defect> {};

TEST_P(PackageDefect, IsFoundByItsCheckAlone) {
  const auto& defect = GetParam();
  Case subject;
  defect.make(subject);
  const auto results = check(subject);
  EXPECT_EQ(failed(results), defect.check) << sentenceOf(results);
  EXPECT_THAT(sentenceOf(results), HasSubstr(defect.sentence));
  for (const auto& other : packageChecks()) {
    // Without what these read there is nothing to look at.
    if (other.name == "files" || other.name == "manifest") continue;
    if (other.name == "signature-file" && other.name != defect.check) continue;
    const auto without = check(subject, other.name);
    EXPECT_EQ(failed(without), other.name == defect.check ? "" : defect.check)
        << "with " << other.name << " switched off: " << sentenceOf(without);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Corpus, PackageDefect,
    ::testing::Values(
        Defect{"signature-file", "it is no signature of minisign",
               [](Case& subject) {
                 // Without the check it is a package that is not signed.
                 subject.files.files["plugin.json.minisig"] = "garbled";
                 subject.policy.unsignedAllowed["tiny"] = "dispatch.yaml line 1";
               }},
        Defect{"known-key", "which is not trusted here",
               [](Case& subject) { subject.policy.store.add(TrustedKey{}); }},
        Defect{"signature", "was changed or exchanged after signing",
               [](Case& subject) { subject.signedText = "another manifest"; }},
        Defect{"key-revoked", "was revoked: the laptop was lost",
               [](Case& subject) {
                 subject.policy.store.add(subject.trusted);
                 auto revoked = subject.trusted;
                 revoked.revoked = "the laptop was lost";
                 subject.policy.store.add(revoked);
               }},
        Defect{"key-valid", "which is valid from 2026-01-01",
               [](Case& subject) {
                 subject.policy.clock = [] { return *parseInstant("2027-01-01T00:00:00Z"); };
               }},
        Defect{"signed", "name tiny under `unsigned:` in dispatch.yaml",
               [](Case& subject) {
                 subject.isSigned = false;
                 subject.policy.unsignedAllowed["tiny-other"] = "dispatch.yaml line 1";
               }},
        Defect{"signed-name", "expected is the word dispatch-plugin:tiny@1.0.0",
               [](Case& subject) { subject.comment = packageMark("tiny", "1.0.0-rc.1") + "x"; }},
        Defect{"key-ids", "may sign teeny-*, tiny-more, but not tiny",
               [](Case& subject) {
                 subject.trusted.ids = {"teeny-*", "tiny-more"};
               }},
        Defect{"package-revoked", "was revoked in revoked.json: it leaks tokens",
               [](Case& subject) {
                 subject.policy.store.add(R"({"revoked_packages": [{"digest": ")" +
                                              digestHex(subject.files.manifestText()) +
                                              R"(", "reason": "it leaks tokens"}]})",
                                          "revoked.json", false);
               }},
        Defect{"quarantine", "after 2 times: it crashes",
               [](Case& subject) {
                 for (int i = 0; i < 2; ++i)
                   subject.ledger->quarantine(digestHex(subject.files.manifestText()), "it crashes");
               }},
        Defect{"rollback", "Its version 1.0.0 is lower than 1.0.1, which has served here",
               [](Case& subject) { subject.ledger->served("tiny", "1.0.1"); }},
        Defect{"hashes", "LICENSE is not the file that plugin.json lists",
               [](Case& subject) { subject.files.files["LICENSE"] += "x"; }},
        Defect{"unlisted", "extra.txt is in the package",
               [](Case& subject) { subject.files.files["extra.txt"] = "x"; }},
        Defect{"library", "(rule one-export)",
               [](Case& subject) {
                 subject.files.files["libtiny.so"] =
                     testing::corpusPackage("second_export").files.at("libcorpus-second-export.so");
                 subject.files.hash();
               }}),
    [](const auto& info) {
      std::string name = info.param.check;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(PackageTrust, EveryCheckHasADefectInTheCorpus) {
  // As many as the corpus above, and "files" and "manifest", which PackageTest shows.
  EXPECT_EQ(packageChecks().size(), 14u + 2u) << "a check was added: give it a defect of its own";
}

TEST(PackageTrust, SoundPackagePassesEveryCheckAndSaysWhoSignedIt) {
  Case subject;
  const auto results = check(subject);
  for (const auto& result : results)
    EXPECT_EQ(result.state, PackageCheckResult::State::passed) << result.check->name << ": " << result.detail;
  const auto package = readPackage(subject.directory / "tiny", testing::manifestSchema(), subject.policy);
  EXPECT_EQ(package.trust.text(), "signed by \"Author\" (key " + minisign::keyIdText(subject.key.id) + ")");
  EXPECT_FALSE(package.trust.firstParty);
}

TEST(PackageTrust, ASignatureThatIsBadIsRefusedAlsoWhereUnsignedIsAllowed) {
  Case subject;
  subject.policy.unsignedAllowed["tiny"] = "dispatch.yaml line 1";
  subject.signedText = "another manifest";
  EXPECT_EQ(failed(check(subject)), "signature");
}

TEST(PackageTrust, ARevocationCountsWhoeverElseTrustsTheKey) {
  Case subject;
  auto revoked = subject.trusted;
  revoked.ids.clear();
  revoked.notAfter.reset();
  revoked.revoked = "lost";
  subject.policy.store.add(revoked);
  subject.policy.store.add(subject.trusted);
  EXPECT_EQ(failed(check(subject)), "key-revoked");
}

TEST(PackageTrust, AKeyWithAnothersIdVouchesForNothing) {
  Case subject;
  auto forger = minisign::generate();
  forger.id = subject.key.id;
  subject.key = std::move(forger);
  EXPECT_EQ(failed(check(subject)), "signature");
}

TEST(PackageTrust, OneEntryOfAKeyMayBeSpentWhereAnotherIsNot) {
  Case subject;
  auto spent = subject.trusted;
  spent.notAfter = parseInstant("2026-02-01T00:00:00Z");
  subject.policy.store.add(spent);
  subject.policy.store.add(subject.trusted);
  EXPECT_EQ(failed(check(subject)), "");
}

TEST(PackageTrust, AValidityEndsAtItsInstant) {
  Case subject;
  subject.policy.clock = [] { return *parseInstant("2026-12-31T23:59:59.999999Z"); };
  EXPECT_EQ(failed(check(subject)), "");
  subject.policy.clock = [] { return *parseInstant("2026-01-01T00:00:00Z"); };
  EXPECT_EQ(failed(check(subject)), "");
  subject.policy.clock = [] { return *parseInstant("2025-12-31T23:59:59.999999Z"); };
  EXPECT_EQ(failed(check(subject)), "key-valid");
}

TEST(PackageTrust, APinAllowsExactlyTheVersionThatItNames) {
  Case subject;
  subject.ledger->served("tiny", "2.0.0");
  subject.ledger->pin("tiny", "0.9.0", "test");
  EXPECT_EQ(failed(check(subject)), "rollback");
  subject.ledger->pin("tiny", "1.0.0", "test");
  EXPECT_EQ(failed(check(subject)), "");
}

}  // namespace
}  // namespace dispatch::plugin
