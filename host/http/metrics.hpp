#pragma once

#include <array>
#include <cstdint>

namespace dispatch::http {

/// A snapshot; counters only grow, gauges are marked. Taken without a lock: values of one snapshot may be
/// some microseconds apart.
struct Metrics {
  std::uint64_t connections = 0;  ///< gauge: open, without event streams
  std::uint64_t busy = 0;         ///< gauge: with a worker
  std::uint64_t queued = 0;       ///< gauge: complete requests waiting for a worker
  std::uint64_t streams = 0;      ///< gauge: event-stream clients
  /// gauge: open connections that hold no thread now (idle, or their head, body or answer is under way)
  std::uint64_t parked() const { return connections > busy + queued ? connections - busy - queued : 0; }

  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;              ///< answered by a handler
  std::array<std::uint64_t, 6> byClass{};  ///< [2] is 2xx …; handlers' answers and refusals
  std::uint64_t bytesIn = 0;               ///< as read from sockets (after TLS)
  std::uint64_t bytesOut = 0;

  // Refusals by the server itself.
  std::uint64_t malformed = 0;        ///< 400, 417, 501, 505
  std::uint64_t headTooLarge = 0;     ///< 431
  std::uint64_t bodyTooLarge = 0;     ///< 413
  std::uint64_t timedOut = 0;         ///< 408, and idle or slow ones closed without an answer
  std::uint64_t overloaded = 0;       ///< 503: queue or connections full
  std::uint64_t evicted = 0;          ///< idle ones closed to make room
  std::uint64_t handlerFailures = 0;  ///< exceptions out of handlers: 500
  std::uint64_t handshakeFailures = 0;

  std::uint64_t streamFrames = 0;    ///< queued to clients
  std::uint64_t streamsDropped = 0;  ///< slow readers

  /// How long complete requests waited for a worker: waits[i] counts those under waitBounds[i] microseconds
  /// and not under waitBounds[i-1]; the last counts the rest.
  static constexpr std::array<std::uint64_t, 10> waitBounds{50,      200,     1'000,   5'000,     20'000,
                                                            100'000, 250'000, 500'000, 1'000'000, 5'000'000};
  std::array<std::uint64_t, 11> waits{};
};

}  // namespace dispatch::http
