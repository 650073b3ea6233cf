#include "plugin/worker/system_calls.hpp"

#include <asm/unistd.h>

#include <algorithm>
#include <iterator>

namespace dispatch::plugin {

std::string systemCallName(std::uint64_t number) {
  struct Named {
    std::uint64_t number;
    const char* name;
  };
  static constexpr Named names[] = {
#include "system_calls.inc"
  };
  const auto* found = std::find_if(std::begin(names), std::end(names),
                                   [&](const Named& one) { return one.number == number; });
  return found == std::end(names) ? "number " + std::to_string(number) : std::string(found->name);
}

}  // namespace dispatch::plugin
