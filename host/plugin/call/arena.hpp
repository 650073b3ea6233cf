#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace dispatch::plugin {

/// The memory of one call: what the plugin answers lives here and goes all at once. Kept from call to call,
/// so that a small answer costs no allocation.
class Arena {
 public:
  static constexpr std::uint64_t defaultLimit = 16u << 20;

  explicit Arena(std::uint64_t limit = defaultLimit) : _limit(limit) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// [any-thread] nullptr past the limit, for an alignment that is no power of two up to 64, or without
  /// memory.
  void* allocate(std::uint64_t size, std::uint64_t align) noexcept;

  /// [any-thread] Do these bytes lie in memory that allocate() gave out since the last reset?
  bool owns(const void* pointer, std::uint64_t size) const noexcept;

  /// Takes everything back. Nobody may use what was given out, nor allocate meanwhile; under AddressSanitizer
  /// it is poisoned.
  void reset() noexcept;

 private:
  struct Chunk {
    unsigned char* bytes;
    std::uint64_t size;
    std::uint64_t used;
  };

  void* allocateLater(std::uint64_t size, std::uint64_t align) noexcept;
  void release() noexcept;

  const std::uint64_t _limit;
  /// Made by the first call and kept: small answers need one atomic addition and no lock.
  std::atomic<unsigned char*> _first{nullptr};
  std::atomic<std::uint64_t> _firstUsed{0};
  std::atomic<bool> _hasLater{false};
  mutable std::mutex _mutex;
  std::uint64_t _laterGiven = 0;
  std::vector<Chunk> _later;
};

}  // namespace dispatch::plugin
