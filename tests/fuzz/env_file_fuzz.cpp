// libFuzzer target: the reader of .env. What it reads can be written and read again without loss, and a
// refusal names file and line.
//
// Sources: host/config/env_file.cpp host/base/problem.cpp
#include "config/env_file.hpp"
#include "fuzzing.hpp"

#include <string>

namespace {

std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '\n')
      text += "\\n";
    else if (c == '\r')
      text += "\\r";
    else if (c == '"' || c == '\\' || c == '$')
      text += {'\\', c};
    else
      text += c;
  }
  return text + '"';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dispatch;
  std::vector<config::EnvLine> lines;
  try {
    lines = config::parseEnv(textOf(data, size), "x.env");
  } catch (const Problem& problem) {
    require(std::string_view(problem.what()).starts_with("x.env:"), "a refusal begins with file and line");
    return 0;
  }
  std::string again;
  int last = 0;
  for (const auto& line : lines) {
    require(!line.name.empty() && line.line > last, "every line has a name, in the order of the file");
    require(line.value.find('\0') == std::string::npos, "no value holds a NUL");
    last = line.line;
    again += line.name + "=" + quoted(line.value) + "\n";
  }
  const auto reread = config::parseEnv(again, "again");
  require(reread.size() == lines.size(), "nothing is lost when it is written again");
  for (std::size_t i = 0; i < lines.size(); ++i)
    require(reread[i].name == lines[i].name && reread[i].value == lines[i].value,
            "a value in double quotes is read as it was");
  return 0;
}
