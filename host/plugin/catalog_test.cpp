#include "plugin/catalog.hpp"

#include "base/problem.hpp"
#include "plugin/flight_recorder.hpp"
#include "plugin/library_rules.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

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

TEST_F(CatalogTest, FirstOfTheSearchPathWinsAndTheSecondIsReported) {
  options.searchPath.push_back(directory / "more");
  probe.write(directory / "more/probe");
  const auto all = catalog().list();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0].usable);
  EXPECT_FALSE(all[1].usable);
  EXPECT_THAT(all[1].reason,
              AllOf(HasSubstr("another package of plugin probe"), HasSubstr(directory / "plugins/probe")));
  EXPECT_EQ(opened->find("probe")->directory, directory / "plugins/probe");
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
  /// Runs `work` in a child process and waits for its end.
  int inChild(const std::function<void()>& work) {
    const auto child = ::fork();
    if (child == 0) {
      try {
        work();
      } catch (...) {
        ::_exit(99);
      }
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }
};

TEST_F(CrashTest, CrashInAPluginIsKnownToTheNextStart) {
  if (!hostSanitizer().empty()) return;  // a sanitizer's own report takes the signal there
  probe.write(directory / "plugins/probe");
  const int status = inChild([&] { started()->invoke("crash", Json::object()); });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV) << "the signal takes its course";
  const auto crash = catalog().lastCrash();
  ASSERT_TRUE(crash);
  EXPECT_EQ(crash->signal, SIGSEGV);
  ASSERT_EQ(crash->calls.size(), 1u);
  EXPECT_EQ(crash->calls[0].plugin, "probe");
  EXPECT_EQ(crash->calls[0].version, "1.0.0");
  EXPECT_EQ(crash->calls[0].method, "crash");
  EXPECT_TRUE(crash->calls[0].crashed);
  EXPECT_THAT(crash->suspects(), ElementsAre("probe"));
  EXPECT_FALSE(catalog().lastCrash()) << "told once";
}

TEST_F(CrashTest, KillIsNoPluginsFault) {
  probe.write(directory / "plugins/probe");
  const int status = inChild([&] {
    const auto instance = started();
    std::thread([&] { instance->invoke("hang", Json::object()); }).detach();
    ::usleep(200000);
    ::kill(::getpid(), SIGKILL);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto crash = catalog().lastCrash();
  ASSERT_TRUE(crash);
  EXPECT_EQ(crash->signal, 0);
  EXPECT_EQ(crash->calls[0].method, "hang");
  EXPECT_TRUE(crash->suspects().empty());
}

TEST_F(CrashTest, OrderlyEndLeavesNothing) {
  probe.write(directory / "plugins/probe");
  inChild([&] {
    started()->invoke("echo", {{"ok", true}});
    opened.reset();
  });
  EXPECT_FALSE(catalog().lastCrash());
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
  EXPECT_FALSE(second->lastCrash());
  std::size_t records = 0;
  for (const auto& file : std::filesystem::directory_iterator(options.crashDirectory))
    records += file.exists() ? 1 : 0;
  EXPECT_EQ(records, 2u);
}

}  // namespace
}  // namespace dispatch::plugin
