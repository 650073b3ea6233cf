#include "plugin/catalog.hpp"

#include "base/problem.hpp"
#include "plugin/call/flight_recorder.hpp"
#include "plugin/package/library_rules.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>

namespace dispatch::plugin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CatalogTest : public testing::ProbeTest {};

TEST_F(CatalogTest, ListsWhatIsUsableAndWhyTheRestIsNot) {
  testing::PackageFiles broken{"tiny", "tiny"};
  broken.files["libtiny.so"].resize(1000);
  broken.write(directory / "plugins/tiny");
  std::filesystem::create_directories(directory / "plugins/empty");
  testing::writeFile(directory / "plugins/README", "not a package");
  const auto all = catalog().list();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].id, "empty");
  EXPECT_THAT(all[0].reason, HasSubstr("has no plugin.json"));
  EXPECT_TRUE(all[1].usable) << all[1].reason;
  EXPECT_EQ(all[1].buildInfo, "probe in C");
  EXPECT_FALSE(all[2].usable);
  EXPECT_THAT(all[2].reason, HasSubstr("libtiny.so is not the file that plugin.json lists"));
  try {
    opened->create("tiny", {}, {});
    FAIL() << "created";
  } catch (const Problem& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("is not usable"));
  }
}

TEST_F(CatalogTest, UnknownPluginNamesTheInstalledOnes) {
  try {
    catalog().create("jira", {}, {});
    FAIL() << "created";
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.kind(), Problem::Kind::notFound);
    EXPECT_THAT(problem.what(), HasSubstr("Installed are: probe"));
  }
}

TEST_F(CatalogTest, SamePackageTwiceIsTheFirstOfTheSearchPath) {
  options.searchPath.push_back(directory / "more");
  probe.write(directory / "more/probe");
  const auto all = catalog().list();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0].usable);
  EXPECT_FALSE(all[1].usable);
  EXPECT_TRUE(all[1].notUsed);
  EXPECT_THAT(all[1].reason,
              AllOf(HasSubstr("not used: version 1.0.0"), HasSubstr(directory / "plugins/probe")));
  EXPECT_EQ(opened->find("probe")->directory, directory / "plugins/probe");
}

/// Several versions of "tiny" side by side. Its library says 1.0.0 of itself, so only that one can be loaded.
class VersionsTest : public CatalogTest {
 protected:
  VersionsTest() { ledger = std::make_shared<Ledger>(directory / "ledger.json"); }
  void add(const std::string& version, const std::string& library = "tiny") {
    testing::PackageFiles package{library, "tiny"};
    package.manifest["version"] = version;
    package.write(directory / ("plugins/tiny@" + version));
  }
  /// Version of the one that is used; "" if none is.
  std::string used() {
    auto policy = testing::trustFixtures();
    policy->ledger = ledger;
    options.trust = [policy] { return policy; };
    const auto found = catalog().find("tiny");
    return found && found->usable ? found->manifest.version : "";
  }
  Installed entry(const std::string& version) {
    for (const auto& installed : opened->list())
      if (installed.id == "tiny" && installed.directory.ends_with("@" + version)) return installed;
    ADD_FAILURE() << version << " is not listed";
    return {};
  }
  std::shared_ptr<Ledger> ledger;
};

TEST_F(VersionsTest, HighestIsUsedAndTheOthersSaySo) {
  add("0.9.0");
  add("1.0.0-rc.1");
  add("1.0.0");
  EXPECT_EQ(used(), "1.0.0");
  for (const char* other : {"0.9.0", "1.0.0-rc.1"}) {
    EXPECT_TRUE(entry(other).notUsed);
    EXPECT_THAT(entry(other).reason, HasSubstr("not used: version 1.0.0 in "));
  }
}

TEST_F(VersionsTest, OneThatCannotBeLoadedGivesWayToTheNext) {
  add("1.0.0");
  add("2.0.0");
  EXPECT_EQ(used(), "1.0.0");
  EXPECT_FALSE(entry("2.0.0").notUsed);
  EXPECT_THAT(entry("2.0.0").reason, HasSubstr("The package was put together wrongly"));
}

TEST_F(VersionsTest, PinnedOneIsUsedBeforeAHigherOne) {
  add("1.0.0");
  add("2.0.0");
  ledger->pin("tiny", "1.0.0", "test");
  EXPECT_EQ(used(), "1.0.0");
  EXPECT_TRUE(entry("2.0.0").notUsed);
  EXPECT_THAT(entry("2.0.0").reason, HasSubstr("is pinned"));
}

TEST_F(VersionsTest, PinOfWhatIsNotThereIsToldAndTheHighestIsUsed) {
  const testing::LogCapture log;
  add("1.0.0");
  ledger->pin("tiny", "3.0.0", "test");
  EXPECT_EQ(used(), "1.0.0");
  EXPECT_THAT(log.text(), HasSubstr("pinned to version 3.0.0, which is not there"));
}

TEST_F(VersionsTest, LowerOneThanServedIsRefusedUntilItIsPinned) {
  add("1.0.0");
  ledger->served("tiny", "1.1.0");
  EXPECT_EQ(used(), "");
  EXPECT_THAT(entry("1.0.0").reason,
              AllOf(HasSubstr("lower than 1.1.0"), HasSubstr("dispatch plugins pin tiny 1.0.0")));
  ledger->pin("tiny", "1.0.0", "test");
  EXPECT_EQ(used(), "1.0.0");
  ledger->unpin("tiny", "test");
  EXPECT_EQ(used(), "");
}

TEST_F(VersionsTest, ReasonShownIsThatOfTheVersionThatWouldServe) {
  add("0.9.0");
  add("1.0.0");
  ledger->served("tiny", "1.0.0");
  options.skip = {"tiny"};
  EXPECT_EQ(used(), "");
  EXPECT_THAT(entry("0.9.0").reason, HasSubstr("is lower than 1.0.0"));
  EXPECT_EQ(opened->find("tiny")->name(), "tiny 1.0.0");
  EXPECT_THAT(opened->find("tiny")->reason, HasSubstr("safe mode"));
  try {
    opened->create("tiny", {}, {});
    FAIL() << "created";
  } catch (const Problem& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("Plugin tiny 1.0.0 is not usable: It is left out in safe mode"));
  }
}

TEST_F(VersionsTest, VersionCountsAsServedOnceAnInstanceStarted) {
  used();
  const auto instance = create();
  EXPECT_EQ(ledger->highestServed("probe"), "");
  ASSERT_TRUE(instance->start().ok());
  EXPECT_EQ(ledger->highestServed("probe"), "1.0.0");
}

TEST_F(VersionsTest, QuarantinedPackageIsKeptBackUntilItIsReleased) {
  add("1.0.0");
  ASSERT_EQ(used(), "1.0.0");
  const auto digest = opened->find("tiny")->digest;
  ledger->quarantine(digest, "five crashes in a minute");
  EXPECT_EQ(used(), "");
  EXPECT_THAT(entry("1.0.0").reason,
              AllOf(HasSubstr("five crashes"), HasSubstr("quarantine release " + digest)));
  EXPECT_TRUE(ledger->release(digest, "test"));
  EXPECT_EQ(used(), "1.0.0");
}

TEST_F(CatalogTest, UnsignedPackageNamedByTheOperatorIsUsableAndSaysSo) {
  probe.isSigned = false;
  EXPECT_THAT(catalog().find("probe")->reason, HasSubstr("is not signed"));
  auto policy = testing::trustFixtures();
  policy->unsignedAllowed["probe"] = "dispatch.yaml line 46";
  options.trust = [policy] { return policy; };
  EXPECT_TRUE(catalog().find("probe")->usable) << opened->find("probe")->reason;
  EXPECT_EQ(opened->find("probe")->trust.text(), "unsigned, allowed by dispatch.yaml line 46");
}

/// A policy that changes while the catalog is open.
class TrustChangesTest : public CatalogTest {
 protected:
  TrustChangesTest() {
    options.trust = [this]() -> std::shared_ptr<const TrustPolicy> {
      if (unreadable) throw Problem(Problem::Kind::invalid, "typo.json is not understood");
      return policy;
    };
  }
  void revoke() {
    policy = std::make_shared<TrustPolicy>(*policy);
    TrustedKey key;
    key.name = "Fixtures";
    key.key = fixtureKey().publicKey();
    key.ids = {"*"};
    key.revoked = "the laptop was lost";
    policy->store.add(std::move(key));
  }
  std::string refusalOf(const std::function<void()>& work) {
    try {
      work();
    } catch (const Problem& problem) {
      return problem.what();
    }
    return "";
  }
  static const minisign::SecretKey& fixtureKey() { return testing::fixtureKey(); }
  std::shared_ptr<TrustPolicy> policy = testing::trustFixtures();
  bool unreadable = false;
};

TEST_F(TrustChangesTest, RevocationKeepsALoadedPackageFromBeingStartedAgain) {
  const auto trusted = policy;
  const auto running = started();
  EXPECT_EQ(running->refusal(), "");
  revoke();
  EXPECT_FALSE(opened->find("probe")->usable);
  EXPECT_THAT(opened->find("probe")->reason, HasSubstr("was revoked: the laptop was lost"));
  EXPECT_THAT(opened->list().at(0).reason, HasSubstr("the laptop was lost"));
  EXPECT_THAT(refusalOf([&] { opened->create("probe", {}, {}); }), HasSubstr("the laptop was lost"));
  EXPECT_THAT(refusalOf([&] { opened->reload("probe"); }),
              AllOf(HasSubstr("the laptop was lost"), HasSubstr("What served before goes on serving")));
  EXPECT_THAT(running->refusal(), HasSubstr("the laptop was lost"));
  EXPECT_TRUE(running->invoke("echo", {{"ok", true}}, {}).ok()) << "what runs goes on";
  policy = trusted;
  EXPECT_TRUE(opened->find("probe")->usable);
  EXPECT_NO_THROW(opened->reload("probe"));
}

TEST_F(TrustChangesTest, PackageIsTakenIntoUseOnceItsKeyIsTrustedAndListedBefore) {
  const auto trusted = policy;
  policy = std::make_shared<TrustPolicy>();
  EXPECT_TRUE(catalog().find("probe"));
  opened = nullptr;
  std::filesystem::remove_all(directory / "plugins/probe");
  opened = Catalog::open(options, outside);
  ASSERT_FALSE(opened->find("probe"));
  probe.write(directory / "plugins/probe");
  EXPECT_THAT(refusalOf([&] { opened->reload("probe"); }),
              AllOf(HasSubstr("not trusted here"), ::testing::Not(HasSubstr("What served before"))));
  ASSERT_TRUE(opened->find("probe"));
  EXPECT_THAT(opened->find("probe")->reason, HasSubstr("not trusted here"));
  policy = trusted;
  EXPECT_TRUE(opened->reload("probe").usable);
  EXPECT_EQ(opened->list().size(), 1u);
}

TEST_F(TrustChangesTest, TrustStoreThatCannotBeReadLetsNothingBeStarted) {
  const auto running = started();
  unreadable = true;
  EXPECT_THAT(opened->find("probe")->reason, HasSubstr("typo.json"));
  EXPECT_THAT(refusalOf([&] { opened->create("probe", {}, {}); }), HasSubstr("typo.json"));
  EXPECT_THAT(refusalOf([&] { opened->reload("probe"); }), HasSubstr("typo.json"));
  EXPECT_TRUE(running->invoke("echo", {{"ok", true}}, {}).ok());
  unreadable = false;
  EXPECT_TRUE(opened->find("probe")->usable);
}

TEST_F(CatalogTest, WithoutATrustPolicyNothingIsUsable) {
  options.trust = CatalogOptions().trust;
  EXPECT_THAT(catalog().find("probe")->reason, HasSubstr("which is not trusted here"));
}

TEST_F(CatalogTest, SafeModeLeavesOutWhatItNames) {
  options.skip = {"probe"};
  EXPECT_THAT(catalog().find("probe")->reason, HasSubstr("safe mode"));
}

TEST_F(CatalogTest, MissingPluginDirectoryIsNoFailure) {
  options.searchPath = {directory / "nowhere"};
  EXPECT_TRUE(catalog().list().empty());
}

TEST_F(CatalogTest, MissingContractsAreAProblemWithTheFix) {
  options.contractsDirectory = directory / "nowhere";
  try {
    catalog();
    FAIL() << "opened";
  } catch (const Problem& problem) {
    EXPECT_THAT(problem.what(),
                AllOf(HasSubstr("plugin.schema.json cannot be read"), HasSubstr("DISPATCH_CONTRACTS_DIR")));
  }
}

TEST_F(CatalogTest, ContractsAreKnownByType) {
  EXPECT_THAT(catalog().types(), ElementsAre("auth-provider", "ticket"));
  EXPECT_NE(opened->contract("ticket"), nullptr);
  EXPECT_EQ(opened->contract("nothing"), nullptr);
}

/// The plugins of this repository, as packages, under the real contracts.
TEST_F(CatalogTest, EveryPluginOfThisRepositoryLoads) {
  options.searchPath = {DISPATCH_TEST_PACKAGES};
  options.contractsDirectory = DISPATCH_CONTRACTS;
  opened = Catalog::open(options, outside);
  std::vector<std::string> ids;
  for (const auto& installed : opened->list()) {
    EXPECT_TRUE(installed.usable) << installed.id << ": " << installed.reason;
    EXPECT_TRUE(installed.trust.firstParty) << installed.id << " is signed by the key of this build";
    ids.push_back(installed.id);
  }
  EXPECT_THAT(ids, ::testing::IsSupersetOf({"dispatch-auth-provider-basic", "dispatch-contact",
                                            "dispatch-participant-resolver", "dispatch-ticket",
                                            "generic-workflow", "smtp-email", "sodium"}));
}

TEST_F(CatalogTest, EveryExampleOfTheTicketContractIsAnsweredByTheTicketPlugin) {
  options.searchPath = {DISPATCH_TEST_PACKAGES};
  options.contractsDirectory = DISPATCH_CONTRACTS;
  opened = Catalog::open(options, outside);
  const auto instance = started(Json::object(), "dispatch-ticket");
  int answered = 0;
  for (const auto& method : instance->methods())
    for (const auto& example : (*opened->contract("ticket"))["methods"][method.name]["examples"]) {
      const auto outcome = instance->invoke(method.name, example["input"]);
      EXPECT_TRUE(outcome.ok()) << method.name << ": " << outcome.message;
      ++answered;
    }
  EXPECT_GT(answered, 2);
}

TEST_F(CatalogTest, SodiumDecryptsWhatItEncryptedForThatNameOnly) {
  options.searchPath = {DISPATCH_TEST_PACKAGES};
  options.contractsDirectory = DISPATCH_CONTRACTS;
  opened = Catalog::open(options, outside);
  const auto sodium = started({{"key", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="}}, "sodium");
  const auto sealed = sodium->encrypt("DATABASE_CREDENTIALS", "user:marker-password");
  ASSERT_TRUE(sealed.ok()) << sealed.message;
  const auto text = sealed.value.get<std::string>();
  const auto opened_ = sodium->decrypt("DATABASE_CREDENTIALS", text);
  ASSERT_TRUE(opened_.ok()) << opened_.message;
  EXPECT_EQ(opened_.secret.reveal(), "user:marker-password");
  EXPECT_EQ(sodium->decrypt("DISPATCH_JWT_SECRET", text).status, DISPATCH_ERR_DENIED);
  const auto other = started({{"key", "/////////////////////////////////////////w8="}}, "sodium");
  const auto wrong = other->decrypt("DATABASE_CREDENTIALS", text);
  EXPECT_EQ(wrong.status, DISPATCH_ERR_DENIED);
  EXPECT_THAT(wrong.message, ::testing::Not(HasSubstr("marker")));
}

class CrashTest : public CatalogTest {
 protected:
  CrashTest() { options.crashDirectory = directory / "crash"; }
  CrashHistory history() const { return CrashHistory(options.crashDirectory); }
};

TEST_F(CrashTest, CrashInAPluginIsKnownToTheNextStart) {
  if (!hostSanitizer().empty()) return;  // a sanitizer's own report takes the signal there
  probe.write(directory / "plugins/probe");
  const int status = testing::endOfChild([&] { started()->invoke("crash", Json::object()); });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV) << "the signal takes its course";
  const auto buildId = catalog().find("probe")->buildId;
  EXPECT_NE(buildId, "");
  opened.reset();
  EXPECT_EQ(history().all().size(), 1u) << "whoever only works with plugins leaves it";
  const auto crashes = history().take();
  ASSERT_EQ(crashes.size(), 1u);
  const auto& crash = crashes[0];
  EXPECT_EQ(crash.signal, SIGSEGV);
  ASSERT_EQ(crash.calls.size(), 1u);
  EXPECT_EQ(crash.calls[0].plugin, "probe");
  EXPECT_EQ(crash.calls[0].version, "1.0.0");
  EXPECT_EQ(crash.calls[0].method, "crash");
  EXPECT_EQ(crash.calls[0].buildId, buildId);
  EXPECT_TRUE(crash.calls[0].crashed);
  EXPECT_THAT(crash.suspects(), ElementsAre("probe"));
  EXPECT_THAT(crash.atWork(), ::testing::StartsWith("plugin probe 1.0.0 in crash (request "));
  EXPECT_THAT(crash.how(), HasSubstr("by signal 11 (Segmentation fault), "));
  EXPECT_LT(now() - crash.at, std::chrono::minutes(1));
  EXPECT_THAT(history().take(), ::testing::IsEmpty()) << "told once";
  const auto last = history().lastOf("probe");
  ASSERT_TRUE(last) << "and remembered";
  EXPECT_EQ(last->atWork(), crash.atWork());
  EXPECT_EQ(last->how(), crash.how());
  EXPECT_FALSE(history().lastOf("sodium"));
}

TEST_F(CrashTest, HistoryKeepsTheLastFiftyAndSurvivesAFileThatIsNone) {
  if (!hostSanitizer().empty()) return;  // a sanitizer's own report takes the signal there
  probe.write(directory / "plugins/probe");
  Json before = Json::array();
  for (int i = 0; i < 60; ++i)
    before.push_back({{"at", "2020-01-01T00:00:00.000000Z"},
                      {"process", i},
                      {"signal", 11},
                      {"ran_seconds", nullptr},
                      {"calls", Json::array()}});
  testing::writeFile(directory / "crash/crashes.json", before.dump());
  testing::endOfChild([&] { started()->invoke("crash", Json::object()); });
  EXPECT_EQ(history().take().size(), 1u);
  EXPECT_EQ(history().all().size(), 50u);
  EXPECT_EQ(history().all().back().suspects(), std::vector<std::string>{"probe"});
  testing::writeFile(directory / "crash/crashes.json", R"([{"at": 7}])");
  EXPECT_THAT(history().all(), ::testing::IsEmpty());
}

TEST_F(CrashTest, KillIsNoPluginsFault) {
  probe.write(directory / "plugins/probe");
  const int status = testing::endOfChild([&] {
    const auto instance = started();
    std::thread([&] { instance->invoke("hang", Json::object()); }).detach();
    ::usleep(200000);
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto crashes = history().take();
  ASSERT_EQ(crashes.size(), 1u);
  EXPECT_EQ(crashes[0].signal, 0);
  EXPECT_EQ(crashes[0].calls[0].method, "hang");
  EXPECT_TRUE(crashes[0].suspects().empty());
  EXPECT_THAT(crashes[0].how(), HasSubstr("without a signal"));
}

TEST_F(CrashTest, OrderlyEndLeavesNothing) {
  probe.write(directory / "plugins/probe");
  testing::endOfChild([&] {
    started()->invoke("echo", {{"ok", true}});
    opened.reset();
  });
  EXPECT_THAT(history().all(), ::testing::IsEmpty());
}

TEST_F(CrashTest, RecordThatCannotBeKeptIsAWarningOnly) {
  const testing::LogCapture log;
  testing::writeFile(directory / "crash", "a file stands where the directory should be");
  EXPECT_TRUE(catalog().find("probe")->usable);
  EXPECT_THAT(log.text(), HasSubstr("The crash record"));
}

TEST_F(CrashTest, RecordOfARunningProcessIsLeftAlone) {
  catalog();
  auto second = Catalog::open(options, outside);
  EXPECT_THAT(history().take(), ::testing::IsEmpty());
  std::size_t records = 0;
  for (const auto& file : std::filesystem::directory_iterator(options.crashDirectory))
    records += file.exists() ? 1 : 0;
  EXPECT_EQ(records, 2u);
}

}  // namespace
}  // namespace dispatch::plugin
