#pragma once

#include "config/config.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::config {

/// Overwrites what a string holds and empties it: for copies of secrets on their way into a SecretText.
void wipe(std::string& text) noexcept;

/// The bytes of a file, nullopt if there is none at `path`. Throws Problem(invalid) naming `what` if it
/// cannot be read, is no regular file or pipe, or is longer than `limit`.
std::optional<std::string> readFile(const std::string& path, std::size_t limit, const std::string& what);

/// A value as it was given, before any check.
struct Given {
  std::string text;
  Origin origin;
  std::string base;  ///< directory that relative paths in it count from; empty = the current one
};

/// The named values of one place: the command line, the environment, `.env`, dispatch.yaml. Wipes them when
/// it goes.
class Source {
 public:
  /// One that has no lines.
  Source(std::string title, std::map<std::string, std::string> values);
  Source(std::string title, std::string base) : _title(std::move(title)), _base(std::move(base)) {}
  ~Source();
  Source(Source&&) = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  void add(const std::string& name, std::string text, int line);

  /// The first of `names` that is given here, as such or as NAME_FILE. Throws Problem(invalid) if both are,
  /// or the file cannot be read.
  std::optional<Given> find(const std::vector<std::string>& names) const;
  Origin origin(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  struct Value {
    std::string text;
    int line = 0;
  };

  std::string _title, _base;
  std::map<std::string, Value> _values;
};

/// The environment of this process.
Source environmentSource();
/// `.env` in `directory`; none if there is no such file. Adds a warning where others may read it.
Source envFileSource(const std::string& directory, std::vector<std::string>& warnings);

}  // namespace dispatch::config
