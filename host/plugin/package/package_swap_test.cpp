// Whoever may write to a plugin directory swaps packages while they are loaded: what runs is what was
// verified. DISPATCH_TEST_SWAPS (20) loads; tests/full/swaps.sh makes 10,000.
#include "base/problem.hpp"
#include "plugin/library.hpp"
#include "plugin/testing/fixture.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>
#include <vector>

namespace dispatch::plugin {
namespace {

using testing::PackageFiles;

/// Swaps what lies under one path, over and over, and now and then writes into a file in place.
class Swapper {
 public:
  Swapper(std::string current, std::vector<std::string> others, std::string library)
      : _current(std::move(current)), _others(std::move(others)), _library(std::move(library)) {
    _thread = std::thread([this] {
      while (!_stop) {
        swap();
        ++_count;
        ::usleep(200);  // several in each verification; without it hardly any is left whole
      }
    });
  }
  ~Swapper() {
    _stop = true;
    _thread.join();
  }
  std::uint64_t count() const { return _count; }
  /// Returns once another swap has begun and ended.
  void awaitSwap() const {
    for (const auto seen = _count.load(); _count < seen + 2;) std::this_thread::yield();
  }

 private:
  void swap() {
    const auto& other = _others[_count % _others.size()];
    if (::renameat2(AT_FDCWD, _current.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) != 0) std::abort();
    if (_count % 8 != 0) return;
    const int file = ::open((_current + '/' + _library).c_str(), O_RDWR | O_CLOEXEC);
    char byte = 0;
    constexpr ::off_t at = 600;
    if (file < 0 || ::pread(file, &byte, 1, at) != 1) std::abort();
    const char changed = static_cast<char>(byte ^ 0x55);
    if (::pwrite(file, &changed, 1, at) != 1) std::abort();
    std::this_thread::yield();
    if (::pwrite(file, &byte, 1, at) != 1) std::abort();
    ::close(file);
  }

  const std::string _current;
  const std::vector<std::string> _others;
  const std::string _library;
  std::atomic<std::uint64_t> _count{0};
  std::atomic<bool> _stop{false};
  std::thread _thread;
};

/// Every byte that this process may execute from the file in memory that `table` lies in is the verified one.
bool executes(const void* table, const std::string& verified) {
  struct Part {
    std::uintptr_t from, to;
    std::size_t offset;
    bool code;
  };
  std::map<unsigned long, std::vector<Part>> byInode;
  unsigned long own = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0, to = 0, offset = 0, inode = 0;
    char rights[5] = "";
    if (line.find("memfd:tiny@1.0.0") == std::string::npos ||
        std::sscanf(line.c_str(), "%lx-%lx %4s %lx %*s %lu", &from, &to, rights, &offset, &inode) != 5)
      continue;
    byInode[inode].push_back({from, to, offset, rights[2] == 'x'});
    const auto at = reinterpret_cast<std::uintptr_t>(table);
    if (at >= from && at < to) own = inode;
  }
  bool found = false;
  for (const auto& part : byInode[own]) {
    if (!part.code) continue;
    found = true;
    const auto size =
        std::min<std::size_t>(part.to - part.from, verified.size() - std::min(part.offset, verified.size()));
    if (std::memcmp(reinterpret_cast<const void*>(part.from), verified.data() + part.offset, size) != 0)
      return false;
  }
  return found;
}

/// Loads it in a process of its own, since what is loaded stays: 0 = what runs is what was verified.
int loadAndCompare(const Package& package, const std::string& build) {
  return testing::endOfChild([&] {
    const auto library = Library::load(package);
    if (!executes(&library->table(), package.libraryBytes)) ::_exit(2);
    if (library->buildInfo() != build) ::_exit(3);
  });
}

TEST(PackageSwap, ExecutedBytesAreTheVerifiedOnes) {
  const char* wanted = std::getenv("DISPATCH_TEST_SWAPS");
  const int loads = wanted == nullptr ? 20 : std::atoi(wanted);
  ASSERT_GT(loads, 0);
  const testing::TemporaryDirectory directory;
  PackageFiles a{"swap-a", "tiny"}, b{"swap-b", "tiny"}, tampered{"swap-a", "tiny"};
  tampered.files.at("libtiny.so") = b.files.at("libtiny.so");  // a's signed manifest over another library
  a.write(directory / "current");
  b.write(directory / "b");
  tampered.write(directory / "tampered");
  const auto schema = testing::manifestSchema();
  const auto policy = testing::trustFixtures();

  int loadedA = 0, loadedB = 0, refused = 0;
  {
    const Swapper swapper(directory / "current", {directory / "b", directory / "tampered"}, "libtiny.so");
    while (loadedA + loadedB < loads) {
      Package package;
      try {
        package = readPackage(directory / "current", schema, *policy);
      } catch (const Problem& problem) {
        ASSERT_EQ(problem.kind(), Problem::Kind::invalid) << problem.what();
        ++refused;
        ASSERT_LT(refused, 100 * loads) << problem.what();
        continue;
      }
      const bool isA = package.libraryBytes == a.files.at("libtiny.so");
      ASSERT_TRUE(isA || package.libraryBytes == b.files.at("libtiny.so"));
      ASSERT_EQ(package.manifest.files.at("libtiny.so"), (isA ? a : b).manifest["files"]["libtiny.so"]);
      swapper.awaitSwap();  // between the verification and the load, every time
      const int end = loadAndCompare(package, isA ? "swap-a" : "swap-b");
      ASSERT_TRUE(WIFEXITED(end) && WEXITSTATUS(end) == 0)
          << "2: other bytes are mapped, 3: another build answers; waitpid says " << end;
      ++(isA ? loadedA : loadedB);
    }
    std::cout << loadedA << " loads of a, " << loadedB << " of b, " << refused << " refused, over "
              << swapper.count() << " swaps\n";
  }
  EXPECT_GT(loadedA, 0);
  EXPECT_GT(loadedB, 0);
  EXPECT_GT(refused, 0) << "the tampered package was never met";
}

}  // namespace
}  // namespace dispatch::plugin
