// libFuzzer target: plugin.json, against its published schema and what a schema cannot say. Run from the top
// of the source tree.
//
// Sources: host/plugin/metric.cpp host/plugin/package/manifest.cpp host/plugin/package/json_schema.cpp
//
// Sources: host/plugin/package/violation_text.cpp host/base/json.cpp host/base/problem.cpp
#include "fuzzing.hpp"
#include "plugin/package/package.hpp"

#include <fstream>
#include <sstream>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dispatch;
  static const Json schema = [] {
    std::stringstream text;
    text << std::ifstream("sdk/contracts/plugin.schema.json").rdbuf();
    return parseJson(text.str(), "plugin.schema.json");
  }();
  plugin::Manifest manifest;
  if (!accepted([&] { manifest = plugin::parseManifest(textOf(data, size), schema); })) return 0;
  require(manifest.id.size() >= 3 && manifest.id.size() <= 64, "an id has 3 to 64 characters");
  for (const char c : manifest.id)
    require((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-', "an id can be a folder's name");
  require(manifest.maxConcurrency >= 1 && manifest.timeout.count() > 0, "limits are limits");
  require(manifest.files.contains(manifest.library), "the library is among the files");
  for (const auto& [name, hash] : manifest.files)
    require(name.find('/') == std::string::npos && name != ".." && hash.size() == 64,
            "files lie in the package and have a hash");
  return 0;
}
