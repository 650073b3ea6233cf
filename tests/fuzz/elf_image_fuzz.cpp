// libFuzzer target: the reader of a plugin's library, which runs before anything else is known of it. Its
// seeds are libraries that tests/full/fuzz.sh compiles.
//
// Sources: host/plugin/package/elf_image.cpp host/base/problem.cpp
// Options: -max_len=65536
#include "fuzzing.hpp"
#include "plugin/package/elf_image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  accepted([&] {
    const auto image = dispatch::plugin::ElfImage::parse(textOf(data, size));
    std::size_t named = 0;
    for (const auto& names : {image.needed, image.exportedSymbols, image.uniqueSymbols, image.searchPaths})
      for (const auto& name : names) named += name.size();
    require(named <= (size + 1) * (size + 1), "names lie in the file");
  });
  return 0;
}
