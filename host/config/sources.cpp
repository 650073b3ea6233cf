#include "config/sources.hpp"

#include "base/problem.hpp"
#include "config/env_file.hpp"

#include <sodium.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>

extern char** environ;

namespace dispatch::config {
namespace {

constexpr std::size_t kLongestEnvFile = 1 << 20;
constexpr std::size_t kLongestSecretFile = 1 << 16;
constexpr std::string_view kFileSuffix = "_FILE";

[[noreturn]] void refuseFile(const std::string& what, const std::string& path, const std::string& found,
                             const std::string& fix) {
  throw Problem(Problem::Kind::invalid,
                what + ": expected a readable file at " + path + ", found: " + found + "; " + fix);
}

}  // namespace

void wipe(std::string& text) noexcept {
  // The whole allocation: a string that shrank or was moved from keeps what it held.
  sodium_memzero(text.data(), text.capacity());
  text.clear();
}

std::optional<std::string> readFile(const std::string& path, std::size_t limit, const std::string& what) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    refuseFile(what, path, std::strerror(errno), "let the user that runs dispatch read it");
  }
  struct Closer {
    int file;
    ~Closer() { ::close(file); }
  } closer{file};
  struct stat status {};
  if (::fstat(file, &status) == 0 && S_ISDIR(status.st_mode))
    refuseFile(what, path, "a directory", "put a file there");
  std::string text;
  text.reserve(limit + 1);  // no growing: that would leave copies of a secret behind
  for (;;) {
    const std::size_t had = text.size();
    text.resize(std::min(had + 65536, limit + 1));
    const ssize_t got = ::read(file, text.data() + had, text.size() - had);
    text.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuseFile(what, path, std::strerror(errno), "check the file system");
    if (got == 0) return text;
    if (text.size() > limit)
      refuseFile(what, path, "more than " + std::to_string(limit) + " bytes",
                 "this is not the file that was meant");
  }
}

Source::Source(std::string title, std::map<std::string, std::string> values) : _title(std::move(title)) {
  for (auto& [name, text] : values) _values[name].text = std::move(text);
}

Source::~Source() {
  for (auto& [name, value] : _values) wipe(value.text);
}

void Source::add(const std::string& name, std::string text, int line) {
  _values[name] = Value{std::move(text), line};
}

Origin Source::origin(const std::string& name) const {
  const auto found = _values.find(name);
  const int line = found == _values.end() ? 0 : found->second.line;
  return {line > 0 ? _title + " line " + std::to_string(line) : _title};
}

std::vector<std::string> Source::names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : _values) names.push_back(name);
  return names;
}

std::optional<Given> Source::find(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    const std::string fileName = name + std::string(kFileSuffix);
    const auto plain = _values.find(name);
    const auto file = _values.find(fileName);
    const bool fromFile = file != _values.end() && !file->second.text.empty();
    if (plain != _values.end() && fromFile)
      throw Problem(Problem::Kind::invalid, "expected one of " + name + " (" + origin(name).source +
                                                ") and " + fileName + " (" + origin(fileName).source +
                                                "), found both; remove one");
    if (plain != _values.end()) return Given{plain->second.text, origin(name), _base};
    if (!fromFile) continue;
    const std::string path = (std::filesystem::path(_base) / file->second.text).string();
    const std::string what = fileName + " (" + origin(fileName).source + ")";
    auto text = readFile(path, kLongestSecretFile, what);
    if (!text) refuseFile(what, path, "no such file", "create it or correct the path");
    if (text->ends_with('\n')) text->pop_back();
    if (text->ends_with('\r')) text->pop_back();
    Given given{*text, {path + " (" + what + ")"}, std::filesystem::path(path).parent_path().string()};
    wipe(*text);
    return given;
  }
  return std::nullopt;
}

Source environmentSource() {
  std::map<std::string, std::string> values;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    if (const char* equals = std::strchr(*entry, '='))
      values.emplace(std::string(*entry, static_cast<std::size_t>(equals - *entry)), equals + 1);
  return {"environment", std::move(values)};
}

Source envFileSource(const std::string& directory, std::vector<std::string>& warnings) {
  const std::string path = directory + "/.env";
  Source source(path, directory);
  auto text = readFile(path, kLongestEnvFile, "settings file");
  if (!text) return source;
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0)
    warnings.push_back(
        path + " holds secrets and can be read by every user of this machine; run: chmod o-rwx " + path);
  std::vector<EnvLine> lines;
  try {
    lines = parseEnv(*text, path);
  } catch (...) {
    wipe(*text);
    throw;
  }
  wipe(*text);
  for (EnvLine& line : lines) {
    source.add(line.name, line.value, line.line);
    wipe(line.value);
  }
  return source;
}

}  // namespace dispatch::config
