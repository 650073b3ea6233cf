#pragma once

#include <string>

namespace dispatch::kit {

/// A directory that goes with its object.
class TemporaryDirectory {
 public:
  /// Throws Problem(unavailable).
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return _path; }

 private:
  std::string _path;
};

/// A file's content. Throws Problem(notFound) with the system's reason.
std::string readFile(const std::string& path);
/// Throws Problem(notFound) where the directory that `path` would be in is not there.
void needDirectoryOf(const std::string& path);
/// Writes a new file or over an old one; makes no directory. Throws Problem(notFound, unavailable).
void writeFile(const std::string& path, const std::string& text);

}  // namespace dispatch::kit
