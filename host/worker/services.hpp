#pragma once

#include <dispatch/abi.h>

#include <cstdint>

namespace dispatch::worker {

/// The table of a service that the host granted (bits of wire::serviceBit()), or nullptr. Its functions ask
/// the host over the lane of the call that they are given.
const void* serviceTable(std::uint64_t granted, dispatch_str id) noexcept;

}  // namespace dispatch::worker
