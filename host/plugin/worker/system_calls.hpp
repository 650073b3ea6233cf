#pragma once

#include <cstdint>
#include <string>

namespace dispatch::plugin {

/// The name of a system call of this machine by its number; "number 123" where the headers of the build knew
/// none.
std::string systemCallName(std::uint64_t number);

}  // namespace dispatch::plugin
