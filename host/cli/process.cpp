#include "cli/process.hpp"

#include "base/problem.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <fcntl.h>

namespace dispatch::cli {

namespace {

std::string ownerAndMode(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return "cannot be looked at (" + std::string(std::strerror(errno)) + ")";
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(info.st_mode & 07777));
  return "belongs to " + userName(info.st_uid) + " with mode " + mode;
}

Problem notWritable(const std::string& path, const std::string& purpose, const std::string& why) {
  return Problem(Problem::Kind::invalid, path + " is needed for " + purpose + ", but " + why);
}

bool mayWrite(const std::string& path) { return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0; }

/// What helps: chown only where somebody else is the owner, and nothing of the kind for root, who may write
/// wherever modes and owners decide.
std::string remedy(const std::string& path) {
  const auto me = ::geteuid();
  struct stat info {};
  if (me == 0 || ::stat(path.c_str(), &info) != 0) return "; name another one";
  if (info.st_uid == me) return "; let its owner write there (chmod u+w " + path + ")";
  return "; this program runs as " + userName(me) + ". Let it write there (chown " + userName(me) + " " +
         path + "), or run it as the owner";
}

}  // namespace

void hardenProcess() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

std::string userName(unsigned uid) {
  const passwd* entry = ::getpwuid(uid);
  return entry ? entry->pw_name : std::to_string(uid);
}

std::string callerName() { return "command line (" + userName(::getuid()) + ")"; }

void needWritableDirectory(const std::string& path, const std::string& purpose) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    const auto before = ::umask(0027);
    std::filesystem::create_directories(path, error);
    ::umask(before);
    if (error) {
      std::string parent = path;
      while (parent.size() > 1 && !std::filesystem::exists(parent))
        parent = std::filesystem::path(parent).parent_path().string();
      if (!std::filesystem::is_directory(parent))
        throw notWritable(path, purpose,
                          parent +
                              " is on the way to it and is not a directory. Move that away, or name "
                              "another directory");
      throw notWritable(path, purpose,
                        "it is not there and could not be made (" + error.message() + "): " + parent + " " +
                            ownerAndMode(parent) + remedy(parent));
    }
  }
  if (!std::filesystem::is_directory(path, error))
    throw notWritable(path, purpose, "it is not a directory. Move it away, or name another directory");
  if (!mayWrite(path))
    throw notWritable(
        path, purpose,
        "it " + ownerAndMode(path) + (errno == EROFS ? " on a read-only file system" : "") + remedy(path));
}

void needWritableFile(const std::string& path, const std::string& purpose) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  if (std::filesystem::is_directory(path, error))
    throw notWritable(path, purpose, "it is a directory. Move it away");
  if (!mayWrite(path)) throw notWritable(path, purpose, "it " + ownerAndMode(path) + remedy(path));
}

void becomeOwnerOf(const std::string& directory) {
  struct stat info {};
  if (::geteuid() != 0 || ::stat(directory.c_str(), &info) != 0 || info.st_uid == 0) return;
  const passwd* owner = ::getpwuid(info.st_uid);
  const bool groups = owner ? ::initgroups(owner->pw_name, owner->pw_gid) == 0 : ::setgroups(0, nullptr) == 0;
  if (!groups || ::setgid(owner ? owner->pw_gid : info.st_gid) != 0 || ::setuid(info.st_uid) != 0)
    throw Problem(Problem::Kind::internal, "Could not become " + userName(info.st_uid) + ", the owner of " +
                                               directory + ": " + std::strerror(errno));
  ::setenv("HOME", owner ? owner->pw_dir : "/", 1);
}

DataLock::DataLock(const std::string& directory, int seconds) {
  const std::string path = directory + "/dispatch.lock";
  _file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (_file < 0) throw Problem(Problem::Kind::invalid, path + " cannot be opened: " + std::strerror(errno));
  for (int tenths = 0;; ++tenths) {
    if (::flock(_file, LOCK_EX | LOCK_NB) == 0) break;
    if (tenths < seconds * 10) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    char holder[32] = {};
    const auto size = ::pread(_file, holder, sizeof holder - 1, 0);
    ::close(_file);
    throw Problem(Problem::Kind::conflict,
                  "Another Dispatch process" + (size > 0 ? " (" + std::string(holder) + ")" : std::string()) +
                      " works on the data in " + directory +
                      ". Only one may: see dispatch server status, stop it with dispatch server stop");
  }
  const std::string mine = "process " + std::to_string(::getpid());
  if (::ftruncate(_file, 0) != 0 || ::pwrite(_file, mine.data(), mine.size(), 0) < 0) {
    // The lock holds all the same; only the name of its holder is not told.
  }
}

DataLock::~DataLock() {
  if (_file < 0) return;
  if (::ftruncate(_file, 0) != 0) {
    // A stale name is told at worst.
  }
  ::close(_file);
}

PidFile::PidFile(std::string path) : _path(std::move(path)) {
  std::ofstream out(_path, std::ios::trunc);
  out << ::getpid() << "\n";
  if (!out.flush())
    throw Problem(Problem::Kind::invalid, "The process id file " + _path + " cannot be written");
}

PidFile::~PidFile() { ::unlink(_path.c_str()); }

std::string whoListensOn(int port) {
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream fields(line);
      std::string number, local, remote, state, skip, inode;
      fields >> number >> local >> remote >> state >> skip >> skip >> skip >> skip >> skip >> inode;
      const auto colon = local.rfind(':');
      if (state == "0A" && colon != std::string::npos &&
          std::stoi(local.substr(colon + 1), nullptr, 16) == port)
        inodes.insert("socket:[" + inode + "]");
    }
  }
  std::error_code error;
  for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
    const auto pid = process.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code denied;
    for (const auto& file : std::filesystem::directory_iterator(process.path() / "fd", denied)) {
      const auto target = std::filesystem::read_symlink(file.path(), denied);
      if (denied || !inodes.contains(target.string())) continue;
      std::ifstream comm(process.path() / "comm");
      std::string name;
      std::getline(comm, name);
      return name + " (process " + pid + ")";
    }
  }
  return "another program";
}

}  // namespace dispatch::cli
