#pragma once

#include "wire/wire.hpp"

#include <dispatch/abi.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace dispatch::worker {

class Lane;

/// The dispatch_call that a plugin sees in a worker. One per lane, used for one call after another: its
/// memory is the lane's slot, so that what the plugin answers needs no copy.
class WorkerCall {
 public:
  WorkerCall(Lane& lane, const wire::SlotHeader& header, std::uint8_t* arena);
  WorkerCall(const WorkerCall&) = delete;
  WorkerCall& operator=(const WorkerCall&) = delete;

  static WorkerCall* of(const dispatch_call* call) noexcept {
    return call == nullptr ? nullptr : static_cast<WorkerCall*>(call->host_data);
  }
  dispatch_call* abi() noexcept { return &_abi; }
  Lane& lane() const noexcept { return _lane; }

  void begin(std::uint64_t request, const wire::Prelude& prelude) noexcept;
  /// Waits until the plugin completes a call that it left pending; the host ends a process that waits too
  /// long. `*out` is what it gave.
  dispatch_status await(const void** out) noexcept;
  void end() noexcept;

  /// [any-thread] The host gave the call up.
  void cancel(std::uint64_t request) noexcept;

  // [any-thread]
  void* allocate(std::uint64_t size, std::uint64_t align) noexcept;
  bool owns(const void* pointer, std::uint64_t size) const noexcept;
  std::uint64_t arenaUsed() const noexcept;
  std::uint8_t* arena() const noexcept { return _arena; }
  dispatch_status fail(dispatch_status status, std::string_view message, std::uint32_t retryAfterMs) noexcept;
  std::string message() const;
  std::uint32_t retryAfterMs() const noexcept { return _retryAfterMs.load(std::memory_order_relaxed); }

  const dispatch_secret_sink* sink() const noexcept { return &_sink; }
  dispatch_str sunk() const noexcept { return _sunk; }

 private:
  static void* allocEntry(const dispatch_call* call, std::uint64_t size, std::uint64_t align) noexcept;
  static dispatch_status failEntry(const dispatch_call* call, dispatch_status status, dispatch_str message,
                                   std::uint32_t retryAfterMs) noexcept;
  static std::int32_t isCancelledEntry(const dispatch_call* call) noexcept;
  static dispatch_status onCancelEntry(const dispatch_call* call, void (*notify)(void*), void* user) noexcept;
  static void completeEntry(const dispatch_call* call, dispatch_status status, const void* out) noexcept;
  static void reasonEntry(const dispatch_call* call, dispatch_str* out) noexcept;
  static std::uint8_t* sinkEntry(const dispatch_secret_sink* sink, std::uint64_t size) noexcept;
  bool cancelled() const noexcept;
  void misbehaved(const char* what) const noexcept;

  dispatch_call _abi{};
  dispatch_secret_sink _sink{};
  Lane& _lane;
  const wire::SlotHeader& _header;
  std::uint8_t* const _arena;
  std::atomic<std::uint64_t> _arenaUsed{0};
  std::atomic<std::uint32_t> _retryAfterMs{0};
  dispatch_str _sunk{nullptr, 0};

  enum class Phase { none, open, answered };
  mutable std::mutex _mutex;
  std::condition_variable _changed;
  Phase _phase = Phase::none;
  dispatch_status _answer = DISPATCH_OK;
  const void* _answerOut = nullptr;
  bool _failed = false;
  std::string _message;
  void (*_notify)(void*) = nullptr;
  void* _notifyUser = nullptr;
  std::thread::id _notifying;
};

}  // namespace dispatch::worker
