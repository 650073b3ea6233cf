#pragma once

#include <atomic>
#include <cstdint>

namespace dispatch::wire {

/// Memory that is given out from the front and taken back as a whole, or back to a mark. Belongs to one side
/// and one thread.
class Area {
 public:
  Area() = default;
  Area(std::uint8_t* base, std::uint64_t size) : _base(base), _size(size) {}

  /// `size` bytes, 8-aligned; nullptr where they do not fit.
  std::uint8_t* take(std::uint64_t size) noexcept {
    const std::uint64_t start = (_used + 7) & ~std::uint64_t{7};
    if (start > _size || size > _size - start) return nullptr;
    _used = start + size;
    return _base + start;
  }
  std::uint64_t used() const noexcept { return _used; }
  void release(std::uint64_t mark) noexcept { _used = mark; }
  std::uint64_t offsetOf(const std::uint8_t* place) const noexcept {
    return static_cast<std::uint64_t>(place - _base);
  }
  std::uint8_t* base() const noexcept { return _base; }
  std::uint64_t size() const noexcept { return _size; }

 private:
  std::uint8_t* _base = nullptr;
  std::uint64_t _size = 0, _used = 0;
};

/// What the host tells a worker about the call under way without sending anything.
struct SlotHeader {
  std::atomic<std::uint64_t> request{0};   ///< whose the next member is
  std::atomic<std::int32_t> cancelled{0};  ///< 0, or the dispatch_status that says why
};

/// The memory that both sides of a lane share: a page with the header, an area that the host writes
/// (arguments, answers of services), one that the worker writes (its requests of services), and the memory of
/// the call (dispatch_call.alloc). A sparse file in memory, sealed against changes of its size: a worker that
/// cut it off would end the host by SIGBUS.
class Slot {
 public:
  static constexpr std::uint64_t headerBytes = 4096;
  static constexpr std::uint64_t hostBytes = 40u << 20;
  static constexpr std::uint64_t workerBytes = 24u << 20;
  static constexpr std::uint64_t arenaBytes = 16u << 20;
  static constexpr std::uint64_t bytes = headerBytes + hostBytes + workerBytes + arenaBytes;

  static int makeFile();          ///< a new one's descriptor, or -1
  explicit Slot(int descriptor);  ///< maps it; throws std::system_error. Takes the descriptor.
  ~Slot();
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  SlotHeader& header() const noexcept { return *reinterpret_cast<SlotHeader*>(_base); }
  std::uint8_t* host() const noexcept { return _base + headerBytes; }
  std::uint8_t* worker() const noexcept { return _base + headerBytes + hostBytes; }
  std::uint8_t* arena() const noexcept { return _base + headerBytes + hostBytes + workerBytes; }
  int descriptor() const noexcept { return _descriptor; }

  /// Gives pages back to the system that a large call left behind. Host's side, between calls.
  void trim() noexcept;

 private:
  int _descriptor;
  std::uint8_t* _base;
};

}  // namespace dispatch::wire
