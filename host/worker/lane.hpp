#pragma once

#include "worker/plugin_library.hpp"
#include "worker/worker_call.hpp"

#include "wire/wire.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace dispatch::worker {

/// A socket, a slot and a thread: the host's calls come in here one at a time, and what the plugin asks of
/// the host meanwhile goes out and comes back on the same way.
class Lane final : public wire::Peer {
 public:
  /// Takes both descriptors. Throws std::system_error.
  Lane(int socket, int slot, PluginLibrary& plugin);

  /// Serves until the host is gone. The lane's thread.
  void run();
  void cancel(std::uint64_t request) noexcept;

  /// The call under way.
  WorkerCall& call() noexcept { return *_call.load(std::memory_order_acquire); }
  PluginLibrary& plugin() noexcept { return _plugin; }

  /// Asks the host's `function`, and takes its answer. [any-thread] of the call under way, one at a time;
  /// while it waits, the host may ask for pieces of a body, and those may ask the host again.
  using Send = std::function<void(wire::Writer&)>;
  using Receive = std::function<void(wire::Reader&)>;
  dispatch_status ask(std::uint32_t function, dispatch_stream* stream, const Send& send,
                      const Receive& receive) noexcept;
  void rest() noexcept;  ///< the call that has just ended had been pending
  void log(std::uint32_t level, std::string_view text) noexcept;
  void misbehaved(std::string_view text) noexcept;

  /// Ends the call under way. `results` is written if `status` is OK.
  void reply(dispatch_status status, const Send& results) noexcept;

  // wire::Peer
  std::uint64_t numberOf(dispatch_stream* stream) override {
    return reinterpret_cast<std::uintptr_t>(stream);
  }
  dispatch_stream* streamOf(std::uint64_t number) override {
    return reinterpret_cast<dispatch_stream*>(number);
  }
  bool ownsSink(const dispatch_secret_sink* sink) override { return sink == call().sink(); }
  const dispatch_secret_sink* sink() override { return call().sink(); }
  dispatch_str sunk() override { return call().sunk(); }
  void wipe(dispatch_str) override {}
  void bodies(dispatch_http_request&, bool, bool) override {}
  void bodiesOf(const dispatch_http_request* request) override { _request = request; }

 private:
  void serve(const wire::Frame& frame);
  void readBody(const wire::Frame& asked) noexcept;
  void writeBody(const wire::Frame& asked) noexcept;
  dispatch_status askLocked(std::uint32_t function, dispatch_stream* stream, const Send& send,
                            const Receive& receive);

  const int _socket;
  wire::Slot _slot;
  wire::Area _out;
  PluginLibrary& _plugin;
  /// One that was pending rests before it is used again, so that a plugin that completes it twice is found
  /// out.
  std::vector<std::unique_ptr<WorkerCall>> _calls;
  std::size_t _next = 0;
  std::atomic<WorkerCall*> _call;
  std::recursive_mutex _asking;
  wire::Spin _idle, _awaitingHost;
  const dispatch_http_request* _request = nullptr;  ///< whose bodies the host may ask for
};

}  // namespace dispatch::worker
