// libFuzzer target: the reader of dispatch.yaml. What it accepts is a mapping that is valid JSON, every line
// it tells belongs to a value that is there, and a refusal names file and line.
//
// Sources: host/config/yaml_file.cpp host/base/problem.cpp host/base/json.cpp
// Libraries: -lyaml-cpp
#include "config/yaml_file.hpp"
#include "fuzzing.hpp"

#include <algorithm>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dispatch;
  const std::string text(textOf(data, size));
  config::YamlDocument document;
  try {
    document = config::parseYaml(text, "x.yaml");
  } catch (const Problem& problem) {
    require(std::string_view(problem.what()).starts_with("x.yaml:"), "a refusal begins with file and line");
    return 0;
  }
  require(document.value.is_object(), "the top is a mapping");
  const auto lines =
      std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r') + 1;
  for (const auto& [pointer, line] : document.lines) {
    require(document.value.contains(Json::json_pointer(pointer)), "a line belongs to a value");
    require(line >= 1 && line <= lines, "a line lies in the file");
  }
  dumpJson(document.value);
  return 0;
}
