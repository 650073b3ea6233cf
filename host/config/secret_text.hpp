#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace dispatch::config {

/// A secret in memory that libsodium locked, guards with pages that trap, and wipes on release. Copies share
/// it. It is never converted to std::string implicitly, printed, or compared other than in constant time.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string_view text);
  /// A buffer of `size` bytes to fill in place, for whoever produces the secret.
  static SecretText ofSize(std::size_t size);

  bool empty() const noexcept { return size() == 0; }
  std::size_t size() const noexcept;
  /// Valid while any copy lives. Callers hand it straight to the function that needs it.
  std::string_view reveal() const noexcept;
  unsigned char* data() noexcept;  ///< for filling; only on a value nobody else shares yet
  bool equals(std::string_view other) const noexcept;  ///< constant time

 private:
  struct Buffer;
  std::shared_ptr<Buffer> _buffer;
};

}  // namespace dispatch::config
