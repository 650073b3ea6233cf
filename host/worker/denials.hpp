#pragma once

#include <cstddef>

namespace dispatch::worker {

/// Tells the host of what this process was refused. Each thing is counted for itself, so that one that is
/// repeated hides no other: the first thousand are told one by one, then once a second with how many there
/// were. Waits up to a second for a host that is busy. [any-thread], also in a handler of signals.
class Denials {
 public:
  static void systemCall(long number) noexcept;
  static void service(std::size_t index) noexcept;  ///< of wire::serviceIds
};

}  // namespace dispatch::worker
