#include "plugin/call/host_call.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <utility>

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxMessageBytes = 8u << 10;
constexpr std::uint64_t maxSecretBytes = 64u << 10;
constexpr auto cancelGrace = std::chrono::milliseconds(100);

std::chrono::steady_clock::time_point timePoint(std::uint64_t ns) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns));
}

}  // namespace

std::uint64_t monotonicNs() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);  // what libstdc++'s steady_clock reads, too
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}

HostCall::HostCall(CallOwner& owner) : _owner(owner) {
  _abi.struct_size = sizeof _abi;
  _abi.host_data = this;
  _abi.alloc = allocEntry;
  _abi.fail = failEntry;
  _abi.is_cancelled = isCancelledEntry;
  _abi.on_cancel = onCancelEntry;
  _abi.complete = completeEntry;
  _abi.reason = reasonEntry;
  _sink.struct_size = sizeof _sink;
  _sink.host_data = this;
  _sink.buffer = sinkEntry;
}

void HostCall::begin(const Start& start) noexcept {
  _abi.request_id = start.requestId;
  _abi.deadline_ns = start.deadlineNs;
  // In the call's own memory: a plugin that was given up may read it after the caller has gone.
  _abi.idempotency_key = {nullptr, 0};
  if (!start.idempotencyKey.empty()) copyOut(start.idempotencyKey, _abi.idempotency_key);
  _method = start.method;
  if (start.traceId != nullptr) std::memcpy(_abi.trace_id, start.traceId, sizeof _abi.trace_id);
  if (start.spanId != nullptr) std::memcpy(_abi.span_id, start.spanId, sizeof _abi.span_id);
  _deadline.store(start.deadlineNs, std::memory_order_relaxed);
  _phase.store(Phase::open, std::memory_order_relaxed);
  // Publishes all of the above to whoever may cancel from now on.
  _turn.store(Turn::running, std::memory_order_release);
}

HostCall::Answer HostCall::await() noexcept {
  std::unique_lock lock(_mutex);
  const auto answered = [&] { return _phase.load(std::memory_order_relaxed) == Phase::answered; };
  const auto stirred = [&] { return answered() || cancelled(); };
  const std::uint64_t deadline = deadlineNs();
  if (deadline == 0)
    _changed.wait(lock, stirred);
  else
    _changed.wait_until(lock, timePoint(deadline), stirred);
  if (!answered()) {
    lock.unlock();
    cancel(DISPATCH_ERR_TIMEOUT);
    lock.lock();
    _changed.wait_for(lock, cancelGrace, answered);
  }
  if (answered()) return {true, _answer, _answerOut};
  _phase.store(Phase::abandoned, std::memory_order_relaxed);
  return {false, cancelReason(), nullptr};
}

void HostCall::end() noexcept {
  auto expected = Turn::running;
  if (!_turn.compare_exchange_strong(expected, Turn::idle, std::memory_order_acq_rel)) {
    // Somebody is cancelling: its notification must have returned before the plugin's memory may go.
    std::unique_lock lock(_mutex);
    _changed.wait(lock, [&] { return _turn.load(std::memory_order_acquire) != Turn::cancelling; });
    _turn.store(Turn::idle, std::memory_order_release);
  }
  if (_phase.load(std::memory_order_relaxed) != Phase::abandoned)
    _phase.store(Phase::closed, std::memory_order_relaxed);
}

void HostCall::recycle() noexcept {
  _arena.reset();
  _abi.idempotency_key = {nullptr, 0};
  _method = {};
  if (_notify != nullptr || _failed.load(std::memory_order_relaxed) || cancelled() || _hasSecret ||
      !_hooks.empty()) {
    const std::lock_guard lock(_mutex);
    _notify = nullptr;
    _notifyUser = nullptr;
    _message.clear();
    _retryAfterMs = 0;
    _failed.store(false, std::memory_order_relaxed);
    _cancelled.store(false, std::memory_order_relaxed);
    _hasSecret = false;
    _secret = {};
    _hooks.clear();
  }
  std::memset(_abi.trace_id, 0, sizeof _abi.trace_id);
  std::memset(_abi.span_id, 0, sizeof _abi.span_id);
  _deadline.store(0, std::memory_order_relaxed);
  _answerOut = nullptr;
}

void HostCall::cancel(dispatch_status reason) noexcept {
  auto expected = Turn::running;
  if (_turn.compare_exchange_strong(expected, Turn::cancelling, std::memory_order_acq_rel))
    pushCancel(reason);
}

std::uint64_t HostCall::checkDeadline(std::uint64_t nowNs) noexcept {
  if (_turn.load(std::memory_order_acquire) != Turn::running) return 0;
  const std::uint64_t seen = deadlineNs();
  if (seen == 0 || nowNs < seen) return seen;
  auto expected = Turn::running;
  if (!_turn.compare_exchange_strong(expected, Turn::cancelling, std::memory_order_acq_rel)) return 0;
  // It may be the next call already, whose deadline is still to come: now nobody can end it.
  if (const std::uint64_t deadline = deadlineNs(); deadline == 0 || nowNs < deadline) {
    const std::lock_guard lock(_mutex);
    _turn.store(Turn::running, std::memory_order_release);
    _changed.notify_all();
    return deadline;
  }
  pushCancel(DISPATCH_ERR_TIMEOUT);
  return 0;
}

void HostCall::pushCancel(dispatch_status reason) noexcept {
  std::unique_lock lock(_mutex);
  _reason.store(reason, std::memory_order_relaxed);
  _cancelled.store(true, std::memory_order_release);
  for (const auto& hook : _hooks) hook.second();
  _changed.notify_all();
  if (auto* notify = std::exchange(_notify, nullptr); notify != nullptr) {
    void* user = _notifyUser;
    _notifying = std::this_thread::get_id();
    lock.unlock();
    notify(user);
    lock.lock();
    _notifying = {};
  }
  _turn.store(Turn::cancelled, std::memory_order_release);
  _changed.notify_all();
}

void HostCall::onCancel(void (*notify)(void*), void* user) noexcept {
  std::unique_lock lock(_mutex);
  if (notify != nullptr && cancelled()) {
    lock.unlock();
    notify(user);
    return;
  }
  _notify = notify;
  _notifyUser = user;
  if (notify == nullptr && _notifying != std::this_thread::get_id())
    _changed.wait(lock, [&] { return _notifying == std::thread::id{}; });
}

void HostCall::complete(dispatch_status status, const void* out) noexcept {
  const char* wrong = nullptr;
  bool late = false;
  {
    const std::lock_guard lock(_mutex);
    switch (_phase.load(std::memory_order_relaxed)) {
      case Phase::open:
        _answer = status;
        _answerOut = out;
        _phase.store(Phase::answered, std::memory_order_relaxed);
        _changed.notify_all();
        break;
      case Phase::abandoned:
        _phase.store(Phase::closed, std::memory_order_relaxed);
        late = true;
        break;
      case Phase::answered:
        wrong = "completed a call twice";
        break;
      case Phase::none:
      case Phase::closed:
        wrong = "completed a call that had already ended";
        break;
    }
  }
  if (late) _owner.lateAnswer(*this, status);
  if (wrong != nullptr) _owner.misbehaved(*this, wrong);
}

std::uint64_t HostCall::remainingNs() const noexcept {
  if (cancelled()) return 0;
  const std::uint64_t deadline = deadlineNs();
  if (deadline == 0) return UINT64_MAX;
  const std::uint64_t now = monotonicNs();
  return now >= deadline ? 0 : deadline - now;
}

bool HostCall::sleep(std::uint64_t ns) noexcept {
  constexpr std::uint64_t aDay = 86'400ull * 1'000'000'000ull;
  std::unique_lock lock(_mutex);
  return _changed.wait_for(lock, std::chrono::nanoseconds(std::min(ns, aDay)), [&] { return cancelled(); });
}

dispatch_status HostCall::fail(dispatch_status status, std::string_view message,
                               std::uint32_t retryAfterMs) noexcept {
  try {
    const std::lock_guard lock(_mutex);
    _message.assign(message.substr(0, maxMessageBytes));
    _retryAfterMs = retryAfterMs;
    _failed.store(true, std::memory_order_relaxed);
  } catch (...) {
    // Without memory the status alone has to do.
  }
  return status;
}

std::string HostCall::message() const {
  if (!_failed.load(std::memory_order_relaxed)) return {};
  std::string text;
  {
    const std::lock_guard lock(_mutex);
    text = _message;
  }
  return _owner.presentable(text);
}

std::uint32_t HostCall::retryAfterMs() const noexcept {
  const std::lock_guard lock(_mutex);
  return _retryAfterMs;
}

config::SecretText HostCall::takeSecret() noexcept {
  const std::lock_guard lock(_mutex);
  _hasSecret = false;
  return std::exchange(_secret, {});
}

bool HostCall::copyOut(std::string_view text, dispatch_str& out) noexcept {
  auto* bytes = static_cast<char*>(_arena.allocate(text.size(), 1));
  if (bytes == nullptr) {
    out = {nullptr, 0};
    return false;
  }
  std::copy(text.begin(), text.end(), bytes);
  out = {bytes, text.size()};
  return true;
}

HostCall::Hook::Hook(HostCall& call, std::function<void()> hook) : _call(call) {
  const std::lock_guard lock(call._mutex);
  _id = ++call._lastHook;
  if (call.cancelled()) hook();
  call._hooks.emplace_back(_id, std::move(hook));
}

HostCall::Hook::~Hook() {
  const std::lock_guard lock(_call._mutex);
  std::erase_if(_call._hooks, [&](const auto& entry) { return entry.first == _id; });
}

// What the plugin calls. A call without its host_data is not one of ours: nothing can be done but not to
// crash.

void* HostCall::allocEntry(const dispatch_call* call, std::uint64_t size, std::uint64_t align) noexcept {
  auto* self = of(call);
  if (self == nullptr) return nullptr;
  const auto phase = self->_phase.load(std::memory_order_relaxed);
  if (phase == Phase::none || phase == Phase::closed) {
    self->_owner.misbehaved(*self, "allocated for a call that had already ended");
    return nullptr;
  }
  return self->_arena.allocate(size, align);
}

dispatch_status HostCall::failEntry(const dispatch_call* call, dispatch_status status, dispatch_str message,
                                    std::uint32_t retryAfterMs) noexcept {
  auto* self = of(call);
  if (self == nullptr) return status;
  const bool sound = message.ptr != nullptr && message.len <= Arena::defaultLimit;
  return self->fail(status, sound ? std::string_view(message.ptr, message.len) : std::string_view(),
                    retryAfterMs);
}

std::int32_t HostCall::isCancelledEntry(const dispatch_call* call) noexcept {
  auto* self = of(call);
  if (self == nullptr) return 1;
  if (self->cancelled()) return 1;
  const std::uint64_t deadline = self->deadlineNs();
  return deadline != 0 && monotonicNs() >= deadline ? 1 : 0;
}

dispatch_status HostCall::onCancelEntry(const dispatch_call* call, void (*notify)(void*),
                                        void* user) noexcept {
  auto* self = of(call);
  if (self == nullptr) return DISPATCH_ERR_INVALID;
  self->onCancel(notify, user);
  return DISPATCH_OK;
}

void HostCall::completeEntry(const dispatch_call* call, dispatch_status status, const void* out) noexcept {
  if (auto* self = of(call)) self->complete(status, out);
}

void HostCall::reasonEntry(const dispatch_call* call, dispatch_str* out) noexcept {
  if (out == nullptr) return;
  *out = {nullptr, 0};
  auto* self = of(call);
  if (self == nullptr) return;
  try {
    self->copyOut(self->message(), *out);
  } catch (...) {
    *out = {nullptr, 0};
  }
}

std::uint8_t* HostCall::sinkEntry(const dispatch_secret_sink* sink, std::uint64_t size) noexcept {
  if (sink == nullptr || sink->host_data == nullptr || size == 0 || size > maxSecretBytes) return nullptr;
  auto* self = static_cast<HostCall*>(sink->host_data);
  try {
    const std::lock_guard lock(self->_mutex);
    if (self->_hasSecret) return nullptr;
    self->_secret = config::SecretText::ofSize(size);
    self->_hasSecret = true;
    return self->_secret.data();
  } catch (...) {
    return nullptr;
  }
}

}  // namespace dispatch::plugin
