// libFuzzer target: what every request body and every plugin's answer goes through. What is accepted survives
// being written and read again; no key comes twice; nothing nests deeper than allowed.
//
// Sources: host/base/json.cpp host/base/problem.cpp
#include "base/json.hpp"
#include "fuzzing.hpp"

namespace {

int depthOf(const dispatch::Json& value) {
  int deepest = 0;
  if (value.is_structured())
    for (const auto& inner : value) deepest = std::max(deepest, depthOf(inner));
  return deepest + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dispatch;
  Json value;
  if (!accepted([&] { value = parseJson(textOf(data, size), "The body", 20); })) return 0;
  require(depthOf(value) <= 21, "nesting is limited");
  const std::string text = dumpJson(value);
  require(parseJson(text, "It", 20) == value, "what was read is what is written");
  return 0;
}
