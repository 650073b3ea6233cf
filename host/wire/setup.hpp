#pragma once

#include <cstdint>

namespace dispatch::wire {

/// What a worker is told before it looks at the plugin; the text of a `setup` frame, as it lies in memory:
/// both sides are built from the same source, which `version` makes sure of.
struct Setup {
  char version[40] = {};          ///< of Dispatch; a worker of another build refuses
  std::int32_t hostProcess = 0;   ///< its process id: a worker whose parent is another one ends
  std::uint32_t uid = 0;          ///< the user to become; 0 = stay
  std::uint64_t memoryBytes = 0;  ///< for the plugin's own memory (RLIMIT_DATA); 0 = no limit
  std::uint32_t maxLanes = 0;
  std::uint32_t sandbox = 1;   ///< 0 only in tests of what the sandbox prevents
  std::uint64_t services = 0;  ///< granted ones: bits of ServiceBit
  char pluginId[72] = {};
  std::uint32_t spinNs = 0, spinCalls = 0;  ///< Spin::Limits
};

enum ServiceBit : std::uint64_t {
  logBit = 1,
  clockBit = 2,
  httpBit = 4,
  streamBit = 8,
  cryptoBit = 16,
  kvBit = 32,
  directoryBit = 64,
  credentialBit = 128,
  eventBit = 256
};

/// Where a worker finds what it is given at birth.
enum InheritedDescriptor : int { controlDescriptor = 3, libraryDescriptor = 4, firstFreeDescriptor = 5 };

/// What a worker reached of its sandbox; the host shows it.
struct SandboxLevel {
  std::int32_t landlock = 0;  ///< ABI version; 0 = the kernel has none
  std::uint32_t seccomp = 0;  ///< 1 = both stages will be on, 0 = the kernel has none
  std::uint32_t ownUser = 0;
  std::uint32_t reserved = 0;
};

}  // namespace dispatch::wire
