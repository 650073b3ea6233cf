// What of tests/abi/corpus must not be loaded: refused in both homes, each by its own check, and by no other.
#include "base/problem.hpp"
#include "plugin/call/table_rules.hpp"
#include "plugin/library.hpp"
#include "plugin/package/elf_image.hpp"
#include "plugin/package/library_rules.hpp"
#include "plugin/testing/corpus.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <set>

namespace dispatch::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LoadFailure;
using testing::loadFailures;

class CorpusLoad : public testing::CorpusTest,
                   public ::testing::WithParamInterface<std::tuple<LoadFailure, const char*>> {};

TEST_P(CorpusLoad, IsRefusedWithItsSentenceAndTheOthersServe) {
  const auto& [failure, home] = GetParam();
  const auto package = packageOf(failure);
  const auto id = textOr(package.manifest, "id");
  package.write(directory / "plugins/failing");
  auto& catalog = open(home);
  std::string reason;
  for (const auto& installed : catalog.list())
    if (installed.directory == directory / "plugins/failing") {
      EXPECT_FALSE(installed.usable);
      reason = installed.reason;
    }
  EXPECT_THAT(reason, HasSubstr(failure.sentence));
  const auto sound = ask("sound");
  EXPECT_EQ(sound.step, "") << sound.sentence;
}

INSTANTIATE_TEST_SUITE_P(Corpus, CorpusLoad,
                         ::testing::Combine(::testing::ValuesIn(loadFailures()),
                                            ::testing::Values("process", "worker")),
                         [](const auto& info) {
                           return std::get<0>(info.param).name + '_' + std::get<1>(info.param);
                         });

TEST(Corpus, EveryPluginHasItsTest) {
  std::set<std::string> known;
  for (const auto& failure : loadFailures())
    if (failure.damage == nullptr) known.insert(failure.name);
  for (const auto& failure : testing::callFailures()) known.insert(failure.name);
  for (const auto& death : testing::deaths()) known.insert(death.name);
  const auto built = testing::corpusNames();
  EXPECT_EQ(known, std::set<std::string>(built.begin(), built.end()))
      << "a file of tests/abi/corpus needs a line in host/plugin/testing/corpus.cpp";
}

class CorpusChecks : public testing::CorpusTest {
 protected:
  using Names = std::vector<std::string>;

  /// Every check that refuses it, in their order: the first is who says so, and with that one switched off
  /// the next. After "files" to "unlisted", or a file that is no ELF, there is nothing more to look at.
  Names refusals(const LoadFailure& failure) const {
    const auto files = packageOf(failure);
    files.write(directory / "package");
    static const auto schema = testing::manifestSchema();
    const auto policy = options.trust();
    PackageCandidate candidate{schema, *policy, directory / "package"};
    for (const auto& result : checkPackage(candidate, "library"))
      if (result.state == PackageCheckResult::State::failed) return {std::string(result.check->name)};
    const auto& bytes = candidate.bytes.at(candidate.manifest.library);
    Names names;
    try {
      const auto image = ElfImage::parse(bytes);
      for (const auto& rule : libraryRules())
        if (rule.check(image)) names.emplace_back(rule.name);
    } catch (const Problem&) {
      return {"elf"};
    }
    const auto isTableRule = [&](const TableRule& rule) { return rule.name == failure.rule; };
    if (std::any_of(tableRules().begin(), tableRules().end(), isTableRule))
      addTableRefusals(candidate.manifest, bytes, names);
    return names;
  }

  /// Only for what does no harm when it is loaded.
  static void addTableRefusals(const Manifest& manifest, const std::string& bytes, Names& names) {
    Package package;
    package.manifest = manifest;
    package.libraryBytes = bytes;
    // Not closed, as in Library::load: the loader knows a library by this name.
    const auto path = "/proc/self/fd/" + std::to_string(sealedFile(package));
    auto* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << ::dlerror();
    const auto query = reinterpret_cast<dispatch_plugin_query_v1_fn>(::dlsym(library, DISPATCH_QUERY_SYMBOL));
    for (const auto& rule : tableRules()) {
      if (!rule.check(query(), manifest)) continue;
      names.emplace_back(rule.name);
      if (rule.needed) return;
    }
  }
};

/// So with any one check switched off exactly its own plugins pass, and all others are refused as before.
TEST_F(CorpusChecks, EachRefusesItsOwnPluginsAndNoOtherCheckDoes) {
  std::set<std::string> shown;
  for (const auto& failure : loadFailures()) {
    if (failure.rule == "loader") {
      EXPECT_TRUE(refusals(failure).empty()) << failure.name;
      continue;
    }
    EXPECT_THAT(refusals(failure), ElementsAre(failure.rule)) << failure.name;
    shown.insert(failure.rule);
  }
  for (const auto& rule : libraryRules())
    EXPECT_TRUE(shown.contains(std::string(rule.name))) << rule.name << " has no plugin in the corpus";
  for (const auto& rule : tableRules())
    EXPECT_TRUE(shown.contains(std::string(rule.name))) << rule.name << " has no plugin in the corpus";
}

/// The check of what runs when a library is loaded is its first load in a worker: without it the same plugin
/// takes the host along.
TEST_F(CorpusChecks, WithoutTheFirstLoadInAWorkerAConstructorEndsTheHost) {
  options.workerProgram = "";
  install(testing::corpusPackage("constructor_aborts"));
  const int aborted = testing::endOfChild([&] { open("process"); });
  ASSERT_TRUE(WIFSIGNALED(aborted));
  EXPECT_EQ(WTERMSIG(aborted), SIGABRT);
  std::filesystem::remove_all(directory / "plugins");
  install(testing::corpusPackage("constructor_exits"));
  const int left = testing::endOfChild([&] { open("process"); });
  ASSERT_TRUE(WIFEXITED(left));
  EXPECT_EQ(WEXITSTATUS(left), 5);
}

}  // namespace
}  // namespace dispatch::plugin
