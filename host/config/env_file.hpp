#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dispatch::config {

/// One NAME=VALUE of an environment file.
struct EnvLine {
  std::string name;
  std::string value;
  int line = 0;  ///< counted from 1; where it begins, if its quotes span several
};

/// Reads the text of a `.env`: NAME=VALUE per line, `export` before it allowed, blank lines and `#` comments,
/// CRLF and a byte order mark tolerated. A value is bare (up to the end of the line or to a `#` after white
/// space), in single quotes (taken as it stands) or in double quotes (\n \r \t \" \\ \$ are understood);
/// quotes may span lines. Nothing is expanded.
///
/// Throws Problem(invalid) with `path:line`, what was expected and found, and the fix. The message never
/// repeats a value.
std::vector<EnvLine> parseEnv(std::string_view text, const std::string& path);

}  // namespace dispatch::config
