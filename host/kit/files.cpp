#include "kit/files.hpp"

#include "base/problem.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dispatch::kit {

TemporaryDirectory::TemporaryDirectory() {
  std::error_code error;
  auto pattern = (std::filesystem::temp_directory_path(error) / "dispatch-kit-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw Problem(Problem::Kind::unavailable, "No temporary directory like " + pattern + " can be made: " +
                                                  std::strerror(errno) + ". TMPDIR says where else.");
  _path = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  std::filesystem::remove_all(_path, error);
}

std::string readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad())
    throw Problem(Problem::Kind::notFound, path + " cannot be read: " + std::strerror(errno) + '.');
  return text.str();
}

void needDirectoryOf(const std::string& path) {
  const auto directory = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (directory.empty() || std::filesystem::is_directory(directory, error)) return;
  throw Problem(Problem::Kind::notFound, path + " cannot be written: there is no directory " +
                                             directory.string() +
                                             ". Make it first, or name a file in another one.");
}

void writeFile(const std::string& path, const std::string& text) {
  needDirectoryOf(path);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush())
    throw Problem(Problem::Kind::unavailable, path + " cannot be written: " + std::strerror(errno) + '.');
}

}  // namespace dispatch::kit
