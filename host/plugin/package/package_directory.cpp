#include "plugin/package/package_directory.hpp"

#include "base/problem.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace dispatch::plugin {

namespace {

constexpr std::size_t maxFiles = 64;
constexpr std::uint64_t maxFileBytes = 64u << 20;
constexpr std::uint64_t maxPackageBytes = 128u << 20;

class Descriptor {
 public:
  explicit Descriptor(int fd) : _fd(fd) {}
  ~Descriptor() {
    if (_fd >= 0) ::close(_fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return _fd; }

 private:
  int _fd;
};

[[noreturn]] void refuse(const std::string& message) {
  throw Problem(Problem::Kind::invalid, message).withType("plugin_package");
}

[[noreturn]] void unreadable(const std::string& path, int error) {
  throw Problem(Problem::Kind::unavailable, path +
                                                " cannot be read: " + std::generic_category().message(error) +
                                                ". The server's user needs read permission for it.")
      .withType("plugin_package");
}

std::string readFile(int directory, const std::string& name, const std::string& path) {
  // O_NONBLOCK: a named pipe in the package must not hold up the start.
  const Descriptor file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ELOOP)
      refuse(
          path +
          " is a symbolic link. A package holds the files themselves: copy what it points at to its place.");
    unreadable(path, errno);
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) unreadable(path, errno);
  if (!S_ISREG(status.st_mode))
    refuse(path + " is no regular file. A package is a directory of plain files: remove it.");
  if ((status.st_mode & S_IWOTH) != 0)
    refuse(path + " may be written by everybody. Take that away: chmod o-w " + path);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > maxFileBytes)
    refuse(path + " has " + std::to_string(size) + " bytes; a file of a package may have " +
           std::to_string(maxFileBytes) + ".");
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) unreadable(path, errno);
    if (count == 0) refuse(path + " became shorter while it was read. Install the package again.");
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

}  // namespace

std::map<std::string, std::string> readPackageDirectory(const std::string& directory) {
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (opened.get() < 0) {
    if (errno == ENOTDIR || errno == ELOOP)
      refuse(directory +
             " is no directory (a symbolic link does not count). Put the package's directory itself there.");
    unreadable(directory, errno);
  }
  struct stat status {};
  if (::fstat(opened.get(), &status) != 0) unreadable(directory, errno);
  if ((status.st_mode & S_IWOTH) != 0)
    refuse(directory + " may be written by everybody. Take that away: chmod o-w " + directory);

  const int listing = ::dup(opened.get());
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(listing), ::closedir);
  if (!stream) {
    ::close(listing);
    unreadable(directory, errno);
  }
  std::map<std::string, std::string> files;
  std::uint64_t total = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (files.size() >= maxFiles)
      refuse(directory + " holds more than " + std::to_string(maxFiles) + " files.");
    auto bytes = readFile(opened.get(), name, directory + '/' + name);
    total += bytes.size();
    if (total > maxPackageBytes)
      refuse(directory + " holds more than " + std::to_string(maxPackageBytes) + " bytes together.");
    files.emplace(name, std::move(bytes));
  }
  return files;
}

}  // namespace dispatch::plugin
