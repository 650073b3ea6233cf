#include "config/secret_text.hpp"

#include "base/problem.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace dispatch::config {

struct SecretText::Buffer {
  explicit Buffer(std::size_t bytes) : size(bytes) {
    static const int ready = sodium_init();
    // sodium_malloc() succeeds also where the memory lock limit (RLIMIT_MEMLOCK) is used up: the pages are
    // then guarded and wiped, but could be swapped out.
    if (ready >= 0) memory = static_cast<unsigned char*>(sodium_malloc(std::max<std::size_t>(bytes, 1)));
    if (memory == nullptr)
      throw Problem(Problem::Kind::unavailable,
                    "no guarded memory for a secret of " + std::to_string(bytes) +
                        " bytes: expected sodium_malloc() to succeed; the machine is out of memory or "
                        "of memory mappings (vm.max_map_count)");
  }
  ~Buffer() { sodium_free(memory); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  unsigned char* memory = nullptr;
  std::size_t size;
};

SecretText::SecretText(std::string_view text) {
  if (text.empty()) return;
  _buffer = std::make_shared<Buffer>(text.size());
  std::memcpy(_buffer->memory, text.data(), text.size());
}

SecretText SecretText::ofSize(std::size_t size) {
  SecretText secret;
  if (size == 0) return secret;
  secret._buffer = std::make_shared<Buffer>(size);
  std::memset(secret._buffer->memory, 0, size);
  return secret;
}

std::size_t SecretText::size() const noexcept { return _buffer ? _buffer->size : 0; }

std::string_view SecretText::reveal() const noexcept {
  if (!_buffer) return {};
  return {reinterpret_cast<const char*>(_buffer->memory), _buffer->size};
}

unsigned char* SecretText::data() noexcept { return _buffer ? _buffer->memory : nullptr; }

bool SecretText::equals(std::string_view other) const noexcept {
  // Lengths are not secret; contents are compared without an early end.
  if (size() != other.size()) return false;
  return size() == 0 || sodium_memcmp(_buffer->memory, other.data(), other.size()) == 0;
}

}  // namespace dispatch::config
