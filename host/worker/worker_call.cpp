#include "worker/worker_call.hpp"

#include "worker/lane.hpp"

#include <time.h>

#include <cstring>
#include <utility>

namespace dispatch::worker {

namespace {

constexpr std::uint64_t maxMessageBytes = 8u << 10;
constexpr std::uint64_t maxSecretBytes = 64u << 10;

std::uint64_t monotonicNs() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

WorkerCall::WorkerCall(Lane& lane, const wire::SlotHeader& header, std::uint8_t* arena)
    : _lane(lane), _header(header), _arena(arena) {
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

void WorkerCall::begin(std::uint64_t request, const wire::Prelude& prelude) noexcept {
  _abi.request_id = request;
  _abi.deadline_ns = prelude.deadlineNs;
  _abi.idempotency_key = prelude.idempotencyKey;
  std::memcpy(_abi.trace_id, prelude.traceId, sizeof _abi.trace_id);
  std::memcpy(_abi.span_id, prelude.spanId, sizeof _abi.span_id);
  _arenaUsed.store(0, std::memory_order_relaxed);
  _retryAfterMs.store(0, std::memory_order_relaxed);
  _sunk = {nullptr, 0};
  const std::lock_guard lock(_mutex);
  _phase = Phase::open;
  _failed = false;
  _notify = nullptr;
}

dispatch_status WorkerCall::await(const void** out) noexcept {
  std::unique_lock lock(_mutex);
  _changed.wait(lock, [&] { return _phase == Phase::answered; });
  *out = _answerOut;
  return _answer;
}

void WorkerCall::end() noexcept {
  std::unique_lock lock(_mutex);
  _phase = Phase::none;
  _notify = nullptr;
  _changed.wait(lock, [&] { return _notifying == std::thread::id{}; });
}

void WorkerCall::cancel(std::uint64_t request) noexcept {
  std::unique_lock lock(_mutex);
  if (_phase == Phase::none || _abi.request_id != request) return;
  auto* notify = std::exchange(_notify, nullptr);
  if (notify == nullptr) return;
  auto* user = _notifyUser;
  _notifying = std::this_thread::get_id();
  lock.unlock();
  notify(user);
  lock.lock();
  _notifying = {};
  _changed.notify_all();
}

bool WorkerCall::cancelled() const noexcept {
  return _header.cancelled.load(std::memory_order_acquire) != 0 &&
         _header.request.load(std::memory_order_relaxed) == _abi.request_id;
}

void* WorkerCall::allocate(std::uint64_t size, std::uint64_t align) noexcept {
  if (align == 0 || align > 64 || (align & (align - 1)) != 0 || size > wire::Slot::arenaBytes) return nullptr;
  auto used = _arenaUsed.load(std::memory_order_relaxed);
  for (;;) {
    const auto start = (used + align - 1) & ~(align - 1);
    if (start > wire::Slot::arenaBytes || size > wire::Slot::arenaBytes - start) return nullptr;
    if (_arenaUsed.compare_exchange_weak(used, start + size, std::memory_order_relaxed))
      return _arena + start;
  }
}

std::uint64_t WorkerCall::arenaUsed() const noexcept { return _arenaUsed.load(std::memory_order_relaxed); }

bool WorkerCall::owns(const void* pointer, std::uint64_t size) const noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(pointer), from = reinterpret_cast<std::uintptr_t>(_arena);
  const auto used = arenaUsed();
  return at >= from && at - from <= used && size <= used - (at - from);
}

dispatch_status WorkerCall::fail(dispatch_status status, std::string_view message,
                                 std::uint32_t retryAfterMs) noexcept {
  try {
    const std::lock_guard lock(_mutex);
    _message.assign(message.substr(0, maxMessageBytes));
    _failed = true;
    _retryAfterMs.store(retryAfterMs, std::memory_order_relaxed);
  } catch (...) {
    // Without memory the status alone has to do.
  }
  return status;
}

std::string WorkerCall::message() const {
  const std::lock_guard lock(_mutex);
  return _failed ? _message : std::string();
}

void WorkerCall::misbehaved(const char* what) const noexcept { _lane.misbehaved(what); }

void* WorkerCall::allocEntry(const dispatch_call* call, std::uint64_t size, std::uint64_t align) noexcept {
  auto* self = of(call);
  if (self == nullptr) return nullptr;
  {
    const std::lock_guard lock(self->_mutex);
    if (self->_phase != Phase::none) return self->allocate(size, align);
  }
  self->misbehaved("allocated for a call that had already ended");
  return nullptr;
}

dispatch_status WorkerCall::failEntry(const dispatch_call* call, dispatch_status status, dispatch_str message,
                                      std::uint32_t retryAfterMs) noexcept {
  auto* self = of(call);
  if (self == nullptr) return status;
  const bool sound = message.ptr != nullptr && message.len <= wire::Slot::arenaBytes;
  return self->fail(status, sound ? std::string_view(message.ptr, message.len) : std::string_view(),
                    retryAfterMs);
}

std::int32_t WorkerCall::isCancelledEntry(const dispatch_call* call) noexcept {
  auto* self = of(call);
  if (self == nullptr || self->cancelled()) return 1;
  const auto deadline = self->_abi.deadline_ns;
  return deadline != 0 && monotonicNs() >= deadline ? 1 : 0;
}

dispatch_status WorkerCall::onCancelEntry(const dispatch_call* call, void (*notify)(void*),
                                          void* user) noexcept {
  auto* self = of(call);
  if (self == nullptr) return DISPATCH_ERR_INVALID;
  std::unique_lock lock(self->_mutex);
  // The flag first: whoever sets it looks for `notify` afterwards.
  self->_notify = notify;
  self->_notifyUser = user;
  if (notify != nullptr && self->cancelled()) {
    self->_notify = nullptr;
    lock.unlock();
    notify(user);
    return DISPATCH_OK;
  }
  if (notify == nullptr && self->_notifying != std::this_thread::get_id())
    self->_changed.wait(lock, [&] { return self->_notifying == std::thread::id{}; });
  return DISPATCH_OK;
}

void WorkerCall::completeEntry(const dispatch_call* call, dispatch_status status, const void* out) noexcept {
  auto* self = of(call);
  if (self == nullptr) return;
  {
    const std::lock_guard lock(self->_mutex);
    if (self->_phase == Phase::open) {
      self->_phase = Phase::answered;
      self->_answer = status;
      self->_answerOut = out;
      self->_changed.notify_all();
      return;
    }
  }
  self->misbehaved(self->_phase == Phase::answered ? "completed a call twice"
                                                   : "completed a call that had already ended");
}

void WorkerCall::reasonEntry(const dispatch_call* call, dispatch_str* out) noexcept {
  if (out == nullptr) return;
  *out = {nullptr, 0};
  auto* self = of(call);
  if (self == nullptr) return;
  try {
    const auto text = self->message();
    auto* bytes = static_cast<char*>(self->allocate(text.size(), 1));
    if (bytes == nullptr || text.empty()) return;
    std::memcpy(bytes, text.data(), text.size());
    *out = {bytes, text.size()};
  } catch (...) {
    // As if there were none.
  }
}

std::uint8_t* WorkerCall::sinkEntry(const dispatch_secret_sink* sink, std::uint64_t size) noexcept {
  if (sink == nullptr || sink->host_data == nullptr || size == 0 || size > maxSecretBytes) return nullptr;
  auto* self = static_cast<WorkerCall*>(sink->host_data);
  if (self->_sunk.len != 0) return nullptr;
  auto* bytes = static_cast<std::uint8_t*>(self->allocate(size, 1));
  if (bytes != nullptr) self->_sunk = {reinterpret_cast<const char*>(bytes), size};
  return bytes;
}

}  // namespace dispatch::worker
