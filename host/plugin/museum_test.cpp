// Plugins that were built against earlier headers, as binaries: tests/abi/museum. Every build runs each in
// both homes.
#include "plugin/package/elf_image.hpp"
#include "plugin/testing/corpus.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace dispatch::plugin {
namespace {

std::vector<std::string> exhibits() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(DISPATCH_MUSEUM))
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Museum : public testing::CorpusTest,
               public ::testing::WithParamInterface<std::tuple<std::string, const char*>> {};

TEST_P(Museum, OldBinaryServesInThisHost) {
  const auto& [name, home] = GetParam();
  const auto package = testing::packageIn(DISPATCH_MUSEUM "/" + name + "/package");
  const auto& library = package.files.at(textOr(package.manifest, "library"));
  if (ElfImage::parse(library).machine != ElfImage::hostMachine())
    GTEST_SKIP() << name
                 << " was built for another machine. Add one for this machine with tests/abi/museum/add.sh.";
  install(package);
  open(home);
  const auto ending = askPlugin(textOr(package.manifest, "id"));
  EXPECT_EQ(ending.step, "")
      << ending.sentence
      << "\nA plugin that was built earlier no longer serves. While the ABI is a draft: if "
         "that is meant, replace it with tests/abi/museum/add.sh. Once it is frozen: undo "
         "the change, or give what is new an id or a major version of its own.";
}

INSTANTIATE_TEST_SUITE_P(All, Museum,
                         ::testing::Combine(::testing::ValuesIn(exhibits()),
                                            ::testing::Values("process", "worker")),
                         [](const auto& info) {
                           auto name = std::get<0>(info.param) + '_' + std::get<1>(info.param);
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace dispatch::plugin
