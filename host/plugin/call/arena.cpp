#include "plugin/call/arena.hpp"

#include <algorithm>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define DISPATCH_POISON(pointer, size) ASAN_POISON_MEMORY_REGION(pointer, size)
#define DISPATCH_UNPOISON(pointer, size) ASAN_UNPOISON_MEMORY_REGION(pointer, size)
#else
#define DISPATCH_POISON(pointer, size) (static_cast<void>(pointer), static_cast<void>(size))
#define DISPATCH_UNPOISON(pointer, size) (static_cast<void>(pointer), static_cast<void>(size))
#endif

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t chunkAlignment = 64;
constexpr std::uint64_t firstChunk = 8u << 10;
constexpr std::uint64_t laterChunk = 64u << 10;

unsigned char* poisonedBytes(std::uint64_t size) noexcept {
  auto* bytes = static_cast<unsigned char*>(std::aligned_alloc(chunkAlignment, size));
  if (bytes != nullptr) DISPATCH_POISON(bytes, size);
  return bytes;
}

void freeBytes(unsigned char* bytes, std::uint64_t size) noexcept {
  DISPATCH_UNPOISON(bytes, size);
  std::free(bytes);
}

bool within(const void* pointer, std::uint64_t size, const unsigned char* bytes,
            std::uint64_t used) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(pointer);
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes);
  return at >= begin && at - begin <= used && size <= used - (at - begin);
}

}  // namespace

Arena::~Arena() {
  release();
  if (auto* first = _first.load(std::memory_order_relaxed)) freeBytes(first, firstChunk);
}

void* Arena::allocate(std::uint64_t size, std::uint64_t align) noexcept {
  if (align == 0 || align > chunkAlignment || (align & (align - 1)) != 0 || size > _limit) return nullptr;
  size = std::max<std::uint64_t>(size, 1);  // distinct, and not NULL, as callers test for NULL
  auto* first = _first.load(std::memory_order_acquire);
  if (first == nullptr || size > firstChunk) return allocateLater(size, align);
  // Taken with room for the alignment, so that two threads at once never round into each other.
  const auto taken = _firstUsed.fetch_add(size + align - 1, std::memory_order_relaxed);
  const auto at = (taken + align - 1) & ~(align - 1);
  if (at > firstChunk || size > firstChunk - at) return allocateLater(size, align);
  DISPATCH_UNPOISON(first + at, size);
  return first + at;
}

void* Arena::allocateLater(std::uint64_t size, std::uint64_t align) noexcept {
  const std::lock_guard lock(_mutex);
  if (_first.load(std::memory_order_relaxed) == nullptr) {
    auto* bytes = poisonedBytes(firstChunk);
    if (bytes == nullptr) return nullptr;
    _first.store(bytes, std::memory_order_release);
  }
  const auto given = _laterGiven + std::min(_firstUsed.load(std::memory_order_relaxed), firstChunk);
  if (given > _limit || size > _limit - given) return nullptr;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!_later.empty()) {
      auto& chunk = _later.back();
      const std::uint64_t at = (chunk.used + align - 1) & ~(align - 1);
      if (at <= chunk.size && size <= chunk.size - at) {
        chunk.used = at + size;
        _laterGiven += size;
        DISPATCH_UNPOISON(chunk.bytes + at, size);
        return chunk.bytes + at;
      }
    }
    if (attempt > 0) break;
    const auto wanted = (std::max(size, laterChunk) + chunkAlignment - 1) / chunkAlignment * chunkAlignment;
    try {
      _later.reserve(_later.size() + 1);
    } catch (...) {
      return nullptr;
    }
    auto* bytes = poisonedBytes(wanted);
    if (bytes == nullptr) return nullptr;
    _later.push_back({bytes, wanted, 0});
    _hasLater.store(true, std::memory_order_relaxed);
  }
  return nullptr;
}

bool Arena::owns(const void* pointer, std::uint64_t size) const noexcept {
  const auto used = std::min(_firstUsed.load(std::memory_order_relaxed), firstChunk);
  if (const auto* first = _first.load(std::memory_order_acquire);
      first != nullptr && within(pointer, size, first, used))
    return true;
  const std::lock_guard lock(_mutex);
  return std::any_of(_later.begin(), _later.end(),
                     [&](const Chunk& chunk) { return within(pointer, size, chunk.bytes, chunk.used); });
}

void Arena::release() noexcept {
  const std::lock_guard lock(_mutex);
  for (const auto& chunk : _later) freeBytes(chunk.bytes, chunk.size);
  _later.clear();
  _laterGiven = 0;
  _hasLater.store(false, std::memory_order_relaxed);
}

void Arena::reset() noexcept {
  if (_hasLater.load(std::memory_order_relaxed)) release();
  if (auto* first = _first.load(std::memory_order_relaxed)) DISPATCH_POISON(first, firstChunk);
  _firstUsed.store(0, std::memory_order_relaxed);
}

}  // namespace dispatch::plugin
