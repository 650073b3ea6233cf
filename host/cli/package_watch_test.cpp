#include "cli/package_watch.hpp"

#include <gmock/gmock.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace dispatch::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PackageWatchTest : public ::testing::Test {
 protected:
  PackageWatchTest() {
    char name[] = "/tmp/package-watch-XXXXXX";
    directory = ::mkdtemp(name);
    write("acme@1.0.0/plugin.json", "1");
  }
  ~PackageWatchTest() override { std::filesystem::remove_all(directory); }

  void write(const std::string& file, const std::string& text) const {
    const auto path = directory / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::app) << text;
  }
  std::vector<std::string> heard() {
    const std::lock_guard lock(mutex);
    return ids;
  }
  std::function<void(const std::string&)> hear() {
    return [this](const std::string& id) {
      const std::lock_guard lock(mutex);
      ids.push_back(id);
    };
  }
  void await(std::size_t count) {
    for (int i = 0; i < 500 && heard().size() < count; ++i) std::this_thread::sleep_for(10ms);
  }

  std::filesystem::path directory;
  std::mutex mutex;
  std::vector<std::string> ids;
};

TEST_F(PackageWatchTest, TellsOnceOfEachChangeAndOfNothingElse) {
  PackageWatch watch({directory, directory / "missing"}, hear(), 20ms);
  std::this_thread::sleep_for(100ms);
  EXPECT_THAT(heard(), IsEmpty()) << "what lay there is no change";
  write("acme@1.1.0/plugin.json", "2");
  await(1);
  std::this_thread::sleep_for(100ms);
  EXPECT_THAT(heard(), ElementsAre("acme")) << "a version beside the others";
  write("acme@1.1.0/plugin.json", "3");
  await(2);
  write("other/plugin.json", "1");
  await(3);
  EXPECT_THAT(heard(), ElementsAre("acme", "acme", "other"));
  write(".half/plugin.json", "1");
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(heard().size(), 3u) << "the installer's work in progress is hidden";
}

TEST_F(PackageWatchTest, WaitsUntilNothingMoves) {
  PackageWatch watch({directory}, hear(), 200ms);
  for (int i = 0; i < 20; ++i) {
    write("acme@1.0.0/libacme.so", "more");
    std::this_thread::sleep_for(40ms);
    EXPECT_THAT(heard(), IsEmpty()) << "while it is being copied";
  }
  await(1);
  EXPECT_THAT(heard(), ElementsAre("acme"));
}

}  // namespace
}  // namespace dispatch::cli
