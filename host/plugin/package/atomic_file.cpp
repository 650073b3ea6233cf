#include "plugin/package/atomic_file.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace dispatch::plugin {

namespace {

[[noreturn]] void fails(const std::string& what, int error) {
  throw Problem(Problem::Kind::unavailable, what + ": " + std::generic_category().message(error) +
                                                ". Whoever runs this needs to be allowed to write there.")
      .withType("plugin_file");
}

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : _fd(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (_fd >= 0) ::close(_fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return _fd; }

 private:
  int _fd;
};

std::string parentOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

}  // namespace

void giveToOwnerOf(const std::string& directory, const std::string& path) {
  struct stat status {};
  if (::geteuid() != 0) return;
  if (::stat(directory.c_str(), &status) != 0 || ::chown(path.c_str(), status.st_uid, status.st_gid) != 0)
    fails(path + " cannot be given to the owner of " + directory, errno);
}

void writeNewFile(const std::string& path, std::string_view text, mode_t mode) {
  const File file(path, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (file.get() < 0) fails(path + " cannot be made", errno);
  for (std::size_t done = 0; done < text.size();) {
    const auto count = ::write(file.get(), text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fails(path + " cannot be written", count < 0 ? errno : EIO);
    done += static_cast<std::size_t>(count);
  }
  // Whatever the umask says: the server's user has to read what root installs.
  if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0) fails(path + " cannot be written", errno);
  giveToOwnerOf(parentOf(path), path);
}

void synchroniseDirectory(const std::string& directory) {
  const File opened(directory, O_RDONLY | O_DIRECTORY);
  if (opened.get() >= 0) ::fsync(opened.get());
}

void writeFileAtomically(const std::string& path, std::string_view text, mode_t mode) {
  const auto temporary =
      parentOf(path) + "/." + std::filesystem::path(path).filename().string() + ".new-" + randomToken(6);
  try {
    writeNewFile(temporary, text, mode);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fails(path + " cannot be written", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  synchroniseDirectory(parentOf(path));
}

void makeDirectory(const std::string& directory, mode_t mode) {
  if (::mkdir(directory.c_str(), mode) != 0) {
    if (errno == EEXIST) return;
    fails(directory + " cannot be made", errno);
  }
  if (::chmod(directory.c_str(), mode) != 0) fails(directory + " cannot be made", errno);
  giveToOwnerOf(parentOf(directory), directory);
  synchroniseDirectory(parentOf(directory));
}

}  // namespace dispatch::plugin
