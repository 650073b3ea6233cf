#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dispatch::http {

/// TLS 1.2 and 1.3 for every address of the server. PEM files, read once by Server's constructor.
struct TlsOptions {
  std::string certificateFile;  ///< leaf first, then the intermediates
  std::string privateKeyFile;
  /// OpenSSL cipher list for TLS 1.2; empty: ECDHE with AES-GCM or ChaCha20 only.
  std::string ciphers;
};

/// One finished exchange, for access logs and metrics. Views live during the call only.
struct Access {
  std::string_view method;
  std::string_view target;  ///< as received: may hold secrets in its query, which a log must cut off
  std::string_view client;  ///< peer address without port; see resolve() for the client behind a proxy
  int status = 0;
  std::uint64_t requestBytes = 0;       ///< body, decoded
  std::uint64_t responseBytes = 0;      ///< body
  std::chrono::microseconds waited{0};  ///< complete head (and small body) to worker
  std::chrono::microseconds took{0};    ///< worker's time
};

struct StreamOptions {
  std::chrono::milliseconds heartbeat{15'000};  ///< a comment line when nothing else was sent for this long
  std::chrono::milliseconds retry{3'000};       ///< told to the browser: reconnect after this
  std::size_t queueBytes = 256 * 1024;          ///< per client; one who falls further behind is dropped
  std::size_t queueFrames = 512;                ///< likewise
  std::chrono::milliseconds stallLimit{
      60'000};                      ///< one who takes nothing of a waiting queue for this long is dropped
  std::size_t maxClients = 20'000;  ///< further ones are answered 503
};

/// Limits of the server. Every refusal it makes itself is answered {"detail":[{"msg": ...}]} and counted in
/// Metrics.
struct Options {
  /// "127.0.0.1:8000", "[::1]:8000"; port 0 picks one, see Server::addresses().
  std::vector<std::string> addresses{"127.0.0.1:8000"};
  std::optional<TlsOptions> tls;

  std::size_t workers = 16;      ///< threads that run handlers
  std::size_t maxQueued = 4096;  ///< complete requests waiting for a worker; more: 503
  std::chrono::milliseconds queueLimit{
      15'000};  ///< one that waited longer is answered 503: its client has gone
  /// Open connections without event streams. At the limit the oldest idle one is closed for a new one; if
  /// none is idle the new one is answered 503.
  std::size_t maxConnections = 10'000;

  std::size_t maxHeadBytes = 32 * 1024;           ///< request line and fields; more: 431
  std::size_t maxFields = 100;                    ///< more: 431
  std::uint64_t maxBodyBytes = 16 * 1024 * 1024;  ///< more: 413, unread
  /// Other limit than maxBodyBytes for a request, by method and path (no query). [any-thread] Must not block
  /// or throw.
  std::function<std::uint64_t(std::string_view method, std::string_view path)> bodyLimit;
  /// A body up to this size is read before a worker is taken; a larger one is read by its handler, and at
  /// most maxUploads of those run at a time, the others wait unread.
  std::size_t bufferedBodyBytes = 64 * 1024;
  std::size_t maxUploads = 4;

  std::chrono::milliseconds handshakeLimit{10'000};
  std::chrono::milliseconds headLimit{
      10'000};  ///< first byte (or connect) to complete head; more: 408 and closed
  std::chrono::milliseconds idleLimit{75'000};  ///< between requests; must exceed a proxy's (nginx: 60 s)
  std::chrono::milliseconds bodyLimitTotal{600'000};  ///< whole body; more: 408
  /// A transfer may be this late behind minBytesPerSecond, and may pause for three times this.
  std::chrono::milliseconds paceGrace{10'000};
  std::uint64_t minBytesPerSecond = 2048;       ///< of bodies, both ways; slower: 408, or closed when sending
  std::size_t maxResponseBuffer = 1024 * 1024;  ///< unsent answer kept for a slow reader without a worker
  std::size_t maxRequestsPerConnection = 0;     ///< 0: no limit
  std::chrono::milliseconds drainLimit{10'000};  ///< stop(): requests in flight may take this long

  StreamOptions streams;

  /// Fields of the answers that the server makes itself (security headers).
  std::vector<std::pair<std::string, std::string>> refusalFields;
  /// What of a path may stand in the server's own log; unset: all of it. [any-thread] Must not block.
  std::function<std::string(std::string_view path)> loggable;
  /// Called on the worker after each exchange, and for refusals on whichever thread made them. Must not
  /// block.
  std::function<void(const Access&)> onAccess;
};

}  // namespace dispatch::http
