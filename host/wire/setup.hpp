#pragma once

#include <dispatch/abi.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace dispatch::wire {

/// What a worker is told before it looks at the plugin; the text of a `setup` frame, as it lies in memory:
/// both sides are built from the same source, which `version` makes sure of.
struct Setup {
  char version[40] = {};          ///< of Dispatch; a worker of another build refuses
  std::int32_t hostProcess = 0;   ///< its process id: a worker whose parent is another one ends
  std::uint32_t uid = 0;          ///< the user to become; 0 = stay
  std::uint64_t memoryBytes = 0;  ///< for the plugin's own memory (RLIMIT_DATA); 0 = no limit
  std::uint32_t maxLanes = 0;
  std::uint32_t sandbox = 1;  ///< 0 only in tests of what the sandbox prevents
  char pluginId[72] = {};
  std::uint32_t spinNs = 0, spinCalls = 0;  ///< Spin::Limits
};

/// Every service that a worker can have; its place is its bit in what `create` is told to be granted.
constexpr std::array<std::string_view, 12> serviceIds{
    DISPATCH_LOG_1,    DISPATCH_CLOCK_1,  DISPATCH_HTTP_1,      DISPATCH_STREAM_1,
    DISPATCH_CRYPTO_1, DISPATCH_KV_1,     DISPATCH_DIRECTORY_1, DISPATCH_CREDENTIAL_1,
    DISPATCH_EVENT_1,  DISPATCH_METRIC_1, DISPATCH_EXEC_1,      DISPATCH_AUDIT_1};

/// 0: there is no such service.
constexpr std::uint64_t serviceBit(std::string_view id) noexcept {
  for (std::size_t i = 0; i < serviceIds.size(); ++i)
    if (serviceIds[i] == id) return std::uint64_t{1} << i;
  return 0;
}

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
