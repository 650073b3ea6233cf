#pragma once

#include <string>

namespace dispatch::cli {

/// No core dumps, not readable by other processes of the user: secrets are in this memory.
void hardenProcess();

/// "dispatch" for a user id, its number where it has no name.
std::string userName(unsigned uid);
/// Who called, for the audit: "command line (root)".
std::string callerName();

/// Makes the directory (mode 0750) if need be. Throws Problem(invalid) telling what is in the way: owner,
/// mode, what to do. `purpose` is part of the sentence: "the SQLite database".
void needWritableDirectory(const std::string& path, const std::string& purpose);
/// The same for a file that may be absent.
void needWritableFile(const std::string& path, const std::string& purpose);

/// Run by root on data of another user: becomes that user for good, so that no file of root's appears among
/// theirs. Nothing otherwise.
void becomeOwnerOf(const std::string& directory);

/// One server per SQLite data directory, whatever the pid files say: flock, gone with the process.
class DataLock {
 public:
  /// Waits up to `seconds` for another command; throws Problem(conflict) naming the holder.
  DataLock(const std::string& directory, int seconds);
  ~DataLock();
  DataLock(const DataLock&) = delete;
  DataLock& operator=(const DataLock&) = delete;

 private:
  int _file = -1;
};

/// Removed with the object.
class PidFile {
 public:
  explicit PidFile(std::string path);
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  std::string _path;
};

/// Who listens on the TCP port, e.g. "nginx (process 812)", as far as this user may see; "another program"
/// else.
std::string whoListensOn(int port);

}  // namespace dispatch::cli
