#pragma once

#include "plugin/call/host_call.hpp"
#include "plugin/service/service_context.hpp"
#include "wire/wire.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace dispatch::plugin {

/// The streams that a worker has open: numbers there, pointers here. Whatever the worker says, a stream is
/// used by one call at a time and closed by nobody meanwhile. [any-thread]
class WorkerStreams {
 public:
  std::uint64_t add(dispatch_stream* stream);
  /// For the time of one request; nullptr where there is none of that number, or another call has it.
  dispatch_stream* borrow(std::uint64_t number);
  void giveBack(std::uint64_t number);
  /// Now, or when it is given back.
  void close(std::uint64_t number);
  void closeAll();

 private:
  struct Open {
    dispatch_stream* stream;
    bool borrowed = false, closing = false;
  };
  std::mutex _mutex;
  std::map<std::uint64_t, Open> _open;
  std::uint64_t _last = 0;
};

/// The host's end of a lane: sends a call, and does for the plugin what it asks while the call runs - on the
/// calling thread, as in the host's own process. Whatever comes from the worker is copied once and then
/// checked.
class WorkerLane final : public wire::Peer {
 public:
  /// Takes both descriptors. Throws std::system_error.
  WorkerLane(std::uint32_t number, int socket, int slot);
  ~WorkerLane() override;
  WorkerLane(const WorkerLane&) = delete;
  WorkerLane& operator=(const WorkerLane&) = delete;

  struct Around {
    HostCall& call;
    ServiceContext& context;
    WorkerStreams& streams;
  };
  using Send = std::function<void(wire::Writer&)>;
  using Receive = std::function<void(wire::Reader&)>;
  struct Result {
    bool answered = false;  ///< false: the worker is gone, or speaks nonsense
    bool nonsense = false;
    bool sent = false;  ///< it can have begun
    dispatch_status status = DISPATCH_ERR_INTERNAL;
  };
  /// One call, from its arguments to its results. A failure's sentence is with the call.
  Result run(const Around& around, std::uint32_t function, const Send& send, const Receive& receive);

  std::uint32_t number() const noexcept { return _number; }
  /// When the worker is killed if the call has not ended; 0 = no call.
  std::atomic<std::uint64_t> killAtNs{0};
  void noteCancelled(std::uint64_t request, std::int32_t reason) noexcept;

  // wire::Peer
  std::uint64_t numberOf(dispatch_stream* stream) override;
  dispatch_stream* streamOf(std::uint64_t) override { return nullptr; }  // none comes back from a worker
  bool ownsSink(const dispatch_secret_sink* sink) override { return sink != nullptr; }
  const dispatch_secret_sink* sink() override;
  dispatch_str sunk() override { return {nullptr, 0}; }
  void wipe(dispatch_str text) override;
  void bodies(dispatch_http_request& request, bool reads, bool writes) override;
  void bodiesOf(const dispatch_http_request*) override {}

 private:
  /// Serves until a frame of `wanted` comes; false where none will.
  bool converse(wire::FrameKind wanted, wire::Frame& frame);
  void serve(const wire::Frame& frame);
  template <auto Member>
  void serveOne(wire::Reader& in);
  void serveStreamRead(wire::Reader& in);
  void serveStreamWrite(wire::Reader& in);
  void reply(dispatch_status status, const Send& results);
  bool within(const wire::Frame& frame) const noexcept;

  static dispatch_status readBody(void* lane, std::uint8_t* buffer, std::uint64_t size, std::uint64_t* count);
  static dispatch_status writeBody(void* lane, const std::uint8_t* data, std::uint64_t size);

  const std::uint32_t _number;
  const int _socket;
  wire::Slot _slot;
  wire::Area _out;
  std::vector<char> _text;
  const Around* _around = nullptr;
  dispatch_stream* _stream = nullptr;  ///< that the request at hand is about
  bool _broken = false;                ///< nothing more is said on this lane
  bool _gone = false;                  ///< because the worker closed it
  bool _large = false;
  int _depth = 0;
  wire::Spin _spin;
};

}  // namespace dispatch::plugin
