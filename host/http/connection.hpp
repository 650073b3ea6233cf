#pragma once

#include "http/chunks.hpp"
#include "http/core.hpp"
#include "http/head.hpp"
#include "http/transport.hpp"

#include <Poco/Net/SocketAddress.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace dispatch::http {

/// One client connection. At any moment it is owned by one thread (the poller or a worker) or parked; every
/// member but the atomic ones is the owner's.
///
/// epoll watches it edge-triggered and is told about it once: an edge that comes while a worker owns the
/// connection is remembered in `_state`, and release() fails, so that the worker looks again instead of
/// parking on unread bytes.
class Connection {
 public:
  enum class Step { park, ready, close };
  enum class Phase {
    handshake,
    head,      ///< waiting for a request or the rest of its head
    body,      ///< collecting a small body
    upload,    ///< a large body waits for an upload slot
    exchange,  ///< a complete request: a worker's turn
    flush,     ///< the answer's rest waits for the client
    linger     ///< answered and closed for writing; what still comes is thrown away: no reset for the answer
  };
  enum class After { next, close, linger };

  Connection(Core& core, int fd, ssl_ctx_st* tls, const Poco::Net::SocketAddress& peer);

  // Ownership.
  /// Poller: true if it was parked and is ours now; else `edges` are remembered.
  bool claim(std::uint32_t edges);
  bool release();       ///< owner: false if edges came meanwhile: they are noted, call advance() again
  void closeForGood();  ///< owner: see Core::bury
  Transport leave();    ///< owner: gives the socket away, unwatched; the rest is for Core::bury
  void noteEdges(std::uint32_t edges);

  /// Owner: does what can be done without blocking. After `ready` the connection is a job for a worker.
  Step advance();
  /// Owner: the answer to a bad request; closes the connection afterwards. advance() sends it.
  void refuse(const Refusal& refusal);
  /// Owner: the time limit of the phase has passed.
  Step expire();
  /// Owner: `rest` is what the socket did not take of an answer.
  void answered(std::string rest, After after);
  void handshaken();
  void handshakeWaits() { _more = false; }
  void trim();  ///< gives back buffers of an idle connection

  // Body of the current request, for the worker.
  struct BodyFailure {
    Refusal refusal;
    bool gone = false;  ///< the client has: nobody to tell
  };
  /// Blocks for more of a large body, which replaces `body`; false at its end or on failure. Sends 100
  /// Continue first if it is awaited.
  bool readMore();
  bool bodyComplete() const { return _bodyComplete; }
  const BodyFailure& bodyFailure() const { return _failure; }
  std::uint64_t bodyBytes() const { return _bodyBytes; }
  void sendContinue();

  Core& core;
  Transport io;
  const Poco::Net::SocketAddress peer;
  Head head;
  std::string body;  ///< decoded; of a large body the piece at hand
  std::uint64_t served = 0;
  std::int64_t readyAt = 0;  ///< us
  bool ended() const { return _ended; }
  /// Bytes may have come that belong to no request yet.
  bool inputLeft() const { return _more || !pending().empty(); }
  Phase phase() const { return _phase; }
  const Poco::Net::SocketAddress& local();
  void releaseUpload();

  // For the poller's sweep, without owning.
  std::int64_t deadline() const { return _deadline.load(std::memory_order_relaxed); }
  bool idle() const { return _idle.load(std::memory_order_relaxed); }
  bool waitsForUpload() const { return _waitsForUpload.load(std::memory_order_relaxed); }
  bool owned() const { return _state.load(std::memory_order_acquire) & ownedBit; }
  std::atomic<std::int64_t> idleSince{0};  ///< ms
  std::atomic<bool> trimmed{false};

 private:
  enum class Fill { some, again, end };
  static constexpr std::uint32_t ownedBit = 1, readBit = 2, writeBit = 4, hangupBit = 8, closedBit = 16;

  std::string_view pending() const { return {_in.data() + _inAt, _in.size() - _inAt}; }
  void consume(std::size_t bytes);
  Fill fill();
  void takeHead();
  void startBody();
  bool collectBody(Refusal& refusal);  ///< true when the body is complete
  Step ready();
  Step parkUntil(std::int64_t deadline);
  Step advanceHead();
  Step advanceFlush();
  Step advanceLinger();
  void nextRequest();

  std::atomic<std::uint32_t> _state{ownedBit};
  std::atomic<std::int64_t> _deadline{0};
  std::atomic<bool> _idle{false};
  std::atomic<bool> _waitsForUpload{false};
  Phase _phase;
  After _after = After::close;
  bool _more = false;  ///< the socket may hold unread bytes
  bool _hangup =
      false;  ///< the peer has shut down its side: read up to the end, no edge will announce it again
  bool _ended = false;  ///< end of input was read
  bool _holdsUpload = false;
  bool _bodyComplete = true;
  bool _continueAwaited = false;
  bool _announcedLocal = false;
  HeadScanner _scanner;
  ChunkDecoder _chunks;
  std::uint64_t _bodyLeft = 0;   ///< with Content-Length: bytes not yet decoded
  std::uint64_t _bodyBytes = 0;  ///< decoded so far
  std::uint64_t _bodyMost = 0;
  BodyFailure _failure;
  std::int64_t _phaseStart = 0;  ///< ms
  std::int64_t _progressAt = 0;  ///< ms: a body's or an answer's last byte
  std::string _in;
  std::size_t _inAt = 0;
  std::string _out;
  std::size_t _outAt = 0;
  std::uint64_t _lingered = 0;
  Poco::Net::SocketAddress _local;
};

}  // namespace dispatch::http
