// The only file that includes Boost.DLL.
#define BOOST_DLL_USE_STD_FS
#include "plugin/library.hpp"

#include "base/problem.hpp"
#include "plugin/call/table_rules.hpp"
#include "plugin/service/service_support.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <boost/dll/shared_library.hpp>

#include <cerrno>
#include <map>
#include <mutex>
#include <system_error>

namespace dispatch::plugin {

struct Library::Mapping {
  int descriptor;  // stays open: the loader knows a library by its path, and a reused number would be an old
                   // library
  boost::dll::shared_library library;
};

namespace {

[[noreturn]] void refuse(const Manifest& manifest, const std::string& what) {
  throw Problem(Problem::Kind::invalid, manifest.library + " of plugin " + manifest.id + ' ' + what)
      .withType("plugin_library");
}

[[noreturn]] void systemRefuses(const Manifest& manifest, const std::string& what) {
  throw Problem(Problem::Kind::unavailable, "Plugin " + manifest.id + " cannot be loaded: " + what + ": " +
                                                std::generic_category().message(errno) + ".")
      .withType("plugin_library");
}

}  // namespace

int sealedFile(const Package& package) {
  const auto name =
      package.manifest.id + '@' + package.manifest.version;  // what debuggers and /proc/PID/maps show
  const int descriptor = ::memfd_create(name.substr(0, 200).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) systemRefuses(package.manifest, "the system gives no file in memory (memfd_create)");
  std::size_t done = 0;
  while (done < package.libraryBytes.size()) {
    const auto count =
        ::write(descriptor, package.libraryBytes.data() + done, package.libraryBytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int error = errno;
      ::close(descriptor);
      errno = error;
      systemRefuses(package.manifest, "its bytes cannot be kept in memory");
    }
    done += static_cast<std::size_t>(count);
  }
  if (::fcntl(descriptor, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    const int error = errno;
    ::close(descriptor);
    errno = error;
    systemRefuses(package.manifest, "its bytes in memory cannot be sealed");
  }
  return descriptor;
}

std::shared_ptr<const Library> Library::load(const Package& package) {
  static std::mutex mutex;
  static auto& loaded =
      *new std::map<std::string, std::shared_ptr<const Library>>;  // by package digest; never emptied
  const std::lock_guard lock(mutex);
  if (const auto found = loaded.find(package.digest); found != loaded.end()) return found->second;

  const int descriptor = sealedFile(package);
  const auto path = "/proc/self/fd/" + std::to_string(descriptor);
  boost::dll::fs::error_code error;
  ::dlerror();
  boost::dll::shared_library library(
      boost::dll::fs::path(path), boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local, error);
  if (error) {
    const char* said = ::dlerror();  // the code is the same whatever went wrong
    const auto why = said == nullptr ? error.message() : std::string(said);
    ::close(descriptor);
    refuse(package.manifest, "cannot be loaded: " + oneLine(why, 400) + '.');
  }
  // From here on code of the library has run: it stays.
  static auto& kept = *new std::vector<Mapping*>;
  auto* mapping = kept.emplace_back(new Mapping{descriptor, std::move(library)});
  auto query = reinterpret_cast<dispatch_plugin_query_v1_fn>(
      ::dlsym(mapping->library.native(), DISPATCH_QUERY_SYMBOL));
  if (query == nullptr)
    refuse(package.manifest, std::string("has no function ") + DISPATCH_QUERY_SYMBOL + '.');
  const dispatch_plugin_v1* table = nullptr;
  try {
    table = query();
  } catch (...) {
    refuse(
        package.manifest,
        "lets an exception out of its query function, which nothing may cross. Build it again with the SDK.");
  }
  checkQueryTable(table, package.manifest);
  std::shared_ptr<Library> made(new Library);
  made->_mapping = mapping;
  made->_table = table;
  made->_buildId = package.buildId;
  if (table->build_info.len > 0) made->_buildInfo.assign(table->build_info.ptr, table->build_info.len);
  loaded.emplace(package.digest, made);
  return made;
}

}  // namespace dispatch::plugin
