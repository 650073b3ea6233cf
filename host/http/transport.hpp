#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

struct ssl_st;      // SSL
struct ssl_ctx_st;  // SSL_CTX

namespace dispatch::http {

/// A connected non-blocking socket, plain or TLS. Owns both. One thread at a time.
class Transport {
 public:
  enum class Status { done, again, ended, failed };
  struct Result {
    Status status;
    std::size_t bytes = 0;
  };

  Transport() = default;
  /// With `tls`, handshake() must succeed before anything else.
  Transport(int fd, ssl_ctx_st* tls);
  Transport(Transport&& other) noexcept { *this = std::move(other); }
  Transport& operator=(Transport&& other) noexcept;
  ~Transport() { close(); }

  int fd() const { return _fd; }
  bool open() const { return _fd >= 0; }
  bool secure() const { return _ssl != nullptr; }

  Status handshake();
  Result read(char* buffer, std::size_t size);
  /// Writes `first`, then `second`, as far as the socket takes them now: `bytes` of both together.
  Result write(std::string_view first, std::string_view second = {});
  /// Blocks until readable (or writable) or the limit has passed; false: it passed.
  bool wait(bool writable, std::chrono::milliseconds limit) const;
  void shutdownWrite();  ///< what was written will arrive, nothing follows
  void close();

 private:
  int _fd = -1;
  ssl_st* _ssl = nullptr;
  bool _ready = false;  ///< TLS: handshake done, no fatal error since
};

}  // namespace dispatch::http
