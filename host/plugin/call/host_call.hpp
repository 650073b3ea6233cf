#pragma once

#include "config/config.hpp"
#include "plugin/call/arena.hpp"

#include <dispatch/abi.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace dispatch::plugin {

class HostCall;

/// CLOCK_MONOTONIC in nanoseconds: the clock of deadlines.
std::uint64_t monotonicNs() noexcept;

/// What a call tells its instance. [any-thread]
class CallOwner {
 public:
  virtual ~CallOwner() = default;
  /// A call that was given up was answered after all, or its plugin did something the ABI forbids.
  virtual void lateAnswer(HostCall& call, dispatch_status status) noexcept = 0;
  virtual void misbehaved(const HostCall& call, const char* what) noexcept = 0;
  /// For failure sentences: with the instance's secrets blotted out.
  virtual std::string presentable(std::string_view text) const = 0;
};

/// One call into a plugin, the host's side of dispatch_call. Used again for later calls, and never freed
/// while its instance lives, so that a plugin that touches a call which has ended is reported and harms
/// nobody.
class HostCall {
 public:
  explicit HostCall(CallOwner& owner);
  HostCall(const HostCall&) = delete;
  HostCall& operator=(const HostCall&) = delete;

  dispatch_call* abi() noexcept { return &_abi; }
  /// The host's side of a call that a plugin hands back; nullptr for nullptr.
  static HostCall* of(const dispatch_call* call) noexcept {
    return call == nullptr ? nullptr : static_cast<HostCall*>(call->host_data);
  }

  // The calling thread, in this order: begin, (the plugin's function), await if it answered PENDING, end.

  struct Start {
    std::uint64_t requestId = 0;
    std::uint64_t deadlineNs = 0;
    std::string_view idempotencyKey;         ///< copied
    std::string_view method;                 ///< outlives the caller's wait; for messages
    const unsigned char* traceId = nullptr;  ///< 16 bytes, or null
    const unsigned char* spanId = nullptr;   ///< 8 bytes, or null
  };
  void begin(const Start& start) noexcept;

  struct Answer {
    bool given = false;  ///< false: given up; the call belongs to the plugin until it completes
    dispatch_status status = DISPATCH_ERR_TIMEOUT;
    const void* out = nullptr;
  };
  /// Waits for `complete`. Past the deadline, and when cancelled, the plugin is told and has 100 ms to answer
  /// with what it knows.
  Answer await() noexcept;

  /// After await() gave up: has the plugin completed the call since?
  bool answeredLate() const noexcept { return _phase.load(std::memory_order_acquire) == Phase::closed; }

  /// The call is over: nothing is notified or cancelled any more. The arena keeps its bytes until recycle().
  void end() noexcept;
  void recycle() noexcept;

  // [any-thread]

  /// Tells the plugin and the services that nobody waits any more. `reason` is TIMEOUT or CANCELLED.
  void cancel(dispatch_status reason) noexcept;
  /// cancel(TIMEOUT) if a call is under way and its deadline has passed. Returns the deadline, 0 where no
  /// call is under way.
  std::uint64_t checkDeadline(std::uint64_t nowNs) noexcept;
  bool cancelled() const noexcept { return _cancelled.load(std::memory_order_acquire); }
  dispatch_status cancelReason() const noexcept { return _reason.load(std::memory_order_relaxed); }
  std::uint64_t deadlineNs() const noexcept { return _deadline.load(std::memory_order_relaxed); }
  /// Nanoseconds until the deadline; 0 once it has passed or the call is cancelled.
  std::uint64_t remainingNs() const noexcept;
  /// Waits up to `ns` or until cancelled; true if it was cancelled.
  bool sleep(std::uint64_t ns) noexcept;

  dispatch_status fail(dispatch_status status, std::string_view message, std::uint32_t retryAfterMs) noexcept;
  std::string message() const;
  std::uint32_t retryAfterMs() const noexcept;

  std::uint64_t requestId() const noexcept { return _abi.request_id; }
  std::string_view method() const noexcept { return _method; }
  Arena& arena() noexcept { return _arena; }
  const Arena& arena() const noexcept { return _arena; }
  CallOwner& owner() const noexcept { return _owner; }

  /// Where dispatch.secret/1 writes; belongs to this call.
  const dispatch_secret_sink* sink() const noexcept { return &_sink; }
  config::SecretText takeSecret() noexcept;

  /// `copy` of text in the arena; {nullptr, 0} and false past the arena's limit.
  bool copyOut(std::string_view text, dispatch_str& out) noexcept;

  /// While it lives, cancelling the call also runs `hook`, under the call's lock: it must only poke something
  /// awake.
  class Hook {
   public:
    Hook(HostCall& call, std::function<void()> hook);
    ~Hook();
    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;

   private:
    HostCall& _call;
    std::uint64_t _id;
  };

 private:
  enum class Turn : int { idle, running, cancelling, cancelled };
  enum class Phase : int { none, open, answered, abandoned, closed };

  static void* allocEntry(const dispatch_call* call, std::uint64_t size, std::uint64_t align) noexcept;
  static dispatch_status failEntry(const dispatch_call* call, dispatch_status status, dispatch_str message,
                                   std::uint32_t retryAfterMs) noexcept;
  static std::int32_t isCancelledEntry(const dispatch_call* call) noexcept;
  static dispatch_status onCancelEntry(const dispatch_call* call, void (*notify)(void*), void* user) noexcept;
  static void completeEntry(const dispatch_call* call, dispatch_status status, const void* out) noexcept;
  static void reasonEntry(const dispatch_call* call, dispatch_str* out) noexcept;
  static std::uint8_t* sinkEntry(const dispatch_secret_sink* sink, std::uint64_t size) noexcept;

  void pushCancel(dispatch_status reason) noexcept;
  void onCancel(void (*notify)(void*), void* user) noexcept;
  void complete(dispatch_status status, const void* out) noexcept;

  dispatch_call _abi{};
  dispatch_secret_sink _sink{};
  CallOwner& _owner;
  Arena _arena;
  std::string_view _method;

  std::atomic<Turn> _turn{Turn::idle};
  std::atomic<Phase> _phase{Phase::none};
  std::atomic<std::uint64_t> _deadline{0};
  std::atomic<bool> _cancelled{false};
  std::atomic<dispatch_status> _reason{DISPATCH_ERR_CANCELLED};
  std::atomic<bool> _failed{false};

  mutable std::mutex _mutex;
  std::condition_variable _changed;
  void (*_notify)(void*) = nullptr;
  void* _notifyUser = nullptr;
  std::thread::id _notifying;
  std::vector<std::pair<std::uint64_t, std::function<void()>>> _hooks;
  std::uint64_t _lastHook = 0;
  dispatch_status _answer = DISPATCH_OK;
  const void* _answerOut = nullptr;
  std::string _message;
  std::uint32_t _retryAfterMs = 0;
  bool _hasSecret = false;
  config::SecretText _secret;
};

}  // namespace dispatch::plugin
