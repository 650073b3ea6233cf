#include "plugin/package/package_store.hpp"

#include "base/problem.hpp"
#include "plugin/testing/fixture.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

namespace dispatch::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PackageStoreTest : public ::testing::Test {
 protected:
  /// Installs the package of that version; answers its directory.
  std::string install(const std::string& version) {
    testing::PackageFiles files{"tiny", "tiny"};
    files.manifest["version"] = version;
    files.write(directory / "tiny");
    const auto schema = testing::manifestSchema();
    PackageCandidate candidate{schema, *policy, directory / "tiny"};
    for (const auto& result : checkPackage(candidate))
      EXPECT_EQ(result.state, PackageCheckResult::State::passed) << result.detail;
    // What was checked counts, not what lies there now.
    testing::writeFile(directory / "tiny/LICENSE", "overwritten after it was verified");
    return store.install(candidate);
  }
  template <class Work>
  std::string refusal(Work&& work) const {
    try {
      work();
      return "";
    } catch (const Problem& problem) {
      return problem.what();
    }
  }
  testing::TemporaryDirectory directory;
  std::shared_ptr<TrustPolicy> policy = testing::trustFixtures();
  PackageStore store{directory / "packages"};
};

TEST_F(PackageStoreTest, WhatWasVerifiedIsWhatIsInstalled) {
  const auto path = install("1.0.0");
  EXPECT_EQ(path, directory / "packages/tiny@1.0.0");
  EXPECT_EQ(readPackage(path, testing::manifestSchema(), *policy).manifest.version, "1.0.0");
  EXPECT_EQ(testing::readFile(path + "/LICENSE"), "Apache-2.0\n");
}

TEST_F(PackageStoreTest, VersionsLieSideBySideAndNeverChange) {
  install("1.0.0");
  install("1.1.0");
  EXPECT_THAT(refusal([&] { install("1.1.0"); }), HasSubstr("is installed already"));
  EXPECT_THAT(store.versions("tiny"), ElementsAre("1.0.0", "1.1.0"));
  EXPECT_THAT(store.versions("tin"), ElementsAre());
  store.remove(directory / "packages/tiny@1.0.0");
  EXPECT_THAT(store.versions("tiny"), ElementsAre("1.1.0"));
  for (const auto& left : std::filesystem::directory_iterator(store.directory()))
    EXPECT_EQ(left.path().filename(), "tiny@1.1.0");
}

TEST_F(PackageStoreTest, AnInstallationThatFailsLeavesNothing) {
  testing::writeFile(directory / "packages", "a file stands where the directory should be");
  EXPECT_NE(refusal([&] { install("1.0.0"); }), "");
  EXPECT_TRUE(std::filesystem::is_regular_file(directory / "packages"));
}

TEST_F(PackageStoreTest, OnlyItsOwnPackagesAreRemoved) {
  install("1.0.0");
  for (const auto& path : {directory / "tiny", directory / "packages/../tiny", directory / "packages",
                           directory / "packages/tiny@1.0.0/LICENSE"})
    EXPECT_THAT(refusal([&] { store.remove(path); }), HasSubstr("was not put there")) << path;
  EXPECT_TRUE(std::filesystem::exists(directory / "tiny/plugin.json"));
}

TEST_F(PackageStoreTest, EverybodyMayReadAndOnlyTheOwnerMayWrite) {
  const auto path = install("1.0.0");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0755u);
  ASSERT_EQ(::stat((path + "/plugin.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
}

class UnsignedTest : public ::testing::Test {
 protected:
  std::map<std::string, std::string> read(const std::string& yaml) {
    auto paths = config::Paths::under(directory.path());
    paths.etc = directory / "etc";
    testing::writeFile(paths.etc + "/dispatch.yaml", yaml);
    return readUnsigned(config::Settings::load(paths));
  }
  testing::TemporaryDirectory directory;
};

TEST_F(UnsignedTest, EachIsAllowedByItsLine) {
  const auto allowed = read("unsigned:\n  - one\n  # a comment\n  - two\n");
  EXPECT_EQ(allowed, (std::map<std::string, std::string>{{"one", "dispatch.yaml line 2"},
                                                         {"two", "dispatch.yaml line 4"}}));
  EXPECT_TRUE(read("").empty());
}

TEST_F(UnsignedTest, APatternIsNotAllowed) {
  for (const char* entry : {"'*'", "acme-*", "3", "{a: b}", "''"}) try {
      read(std::string("unsigned:\n  - ") + entry + "\n");
      ADD_FAILURE() << entry;
    } catch (const Problem& problem) {
      EXPECT_THAT(problem.what(), HasSubstr("dispatch.yaml line 2: entry 1 of `unsigned:`"));
    }
}

}  // namespace
}  // namespace dispatch::plugin
