#pragma once

#include <dispatch/sdk/failure.hpp>
#include <dispatch/sdk/text.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace dispatch {

using Json = nlohmann::json;

namespace sdk {

/// Text of a JSON value for the other side; bytes that are not UTF-8 are replaced instead of thrown about.
inline std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Copies `text` into the arena of `call`. Throws Failure(LIMIT) where the host's limit is reached.
inline dispatch_str toArena(const dispatch_call* call, std::string_view text) {
  if (text.empty()) return {nullptr, 0};
  void* memory = call->alloc(call, text.size(), 1);
  if (memory == nullptr)
    throw Failure(DISPATCH_ERR_LIMIT, "The answer needs " + std::to_string(text.size()) +
                                          " bytes, more than the host allows for one call.");
  std::memcpy(memory, text.data(), text.size());
  return {static_cast<const char*>(memory), text.size()};
}

/// Tells the host why a call failed. Never throws.
inline dispatch_status fail(const dispatch_call* call, dispatch_status status, std::string_view message,
                            std::chrono::milliseconds retryAfter = {}) noexcept {
  if (!DISPATCH_HAS(call, dispatch_call, fail)) return status;
  const auto delay = retryAfter.count() < 0            ? 0
                     : retryAfter.count() > UINT32_MAX ? UINT32_MAX
                                                       : retryAfter.count();
  call->fail(call, status, str(message), static_cast<std::uint32_t>(delay));
  return status;
}

/// What all handles to one call share. The host's object dies with the first answer, whoever gives it: a
/// method that returns, a completion on another thread, or the barrier after a throw. `settle` decides who.
class CallState : public std::enable_shared_from_this<CallState> {
 public:
  explicit CallState(const dispatch_call* raw) : _raw(raw) {}
  CallState(const CallState&) = delete;
  CallState& operator=(const CallState&) = delete;

  const dispatch_call* raw() const noexcept { return _raw; }

  bool cancelled() {
    const std::lock_guard lock(_mutex);
    return _settled || _raw->is_cancelled(_raw) != 0;
  }

  void onCancel(std::function<void()> notify) {
    forgetCancel();
    {
      const std::lock_guard lock(_mutex);
      _notify = std::move(notify);
      _watching = true;
    }
    const dispatch_status status = _raw->on_cancel(_raw, &CallState::cancelTrampoline, this);
    if (status != DISPATCH_OK) throw Failure(status, "The host cannot tell this call that it was cancelled.");
  }

  /// True once: for whoever may answer the call. Afterwards no cancel callback runs, except the one that is
  /// calling this.
  bool settle() {
    {
      const std::lock_guard lock(_mutex);
      if (_settled) return false;
      _settled = true;
    }
    forgetCancel();
    return true;
  }

  bool deferred = false;  ///< only the call's own thread reads and writes it

 private:
  static void cancelTrampoline(void* user) {
    // settle() does not return, and so nobody frees this, before the host says that no callback runs.
    const std::shared_ptr<CallState> self = static_cast<CallState*>(user)->shared_from_this();
    std::function<void()> notify;
    {
      const std::lock_guard lock(self->_mutex);
      notify = std::move(self->_notify);
      self->_notifying = std::this_thread::get_id();
    }
    try {
      if (notify) notify();
    } catch (...) {
      // A cancel callback has nobody to report to; the call's own end tells what happened.
      notify = nullptr;
    }
    const std::lock_guard lock(self->_mutex);
    self->_notifying = std::thread::id();
  }

  void forgetCancel() {
    {
      const std::lock_guard lock(_mutex);
      if (!_watching || _notifying == std::this_thread::get_id()) return;
      _watching = false;
    }
    _raw->on_cancel(_raw, nullptr, nullptr);
  }

  const dispatch_call* _raw;
  std::mutex _mutex;
  std::function<void()> _notify;
  std::thread::id _notifying;
  bool _watching = false;
  bool _settled = false;
};

}  // namespace sdk

template <class Result>
class Completion;

/// What a method returns whose answer comes later, from a Completion.
template <class Result>
class Deferred {
  friend class Completion<Result>;
  Deferred() = default;
};

/// A request of the host: how long there is time, whether anybody still waits, and under which key its effect
/// is known. Valid during the method that received it; for work that goes on afterwards take a Completion.
class Call {
 public:
  explicit Call(std::shared_ptr<sdk::CallState> state) : _state(std::move(state)) {}

  std::uint64_t requestId() const noexcept { return raw()->request_id; }

  /// The same for every attempt at the same effect; empty for reads. Send it to peers that understand such a
  /// key.
  std::string_view idempotencyKey() const noexcept { return view(raw()->idempotency_key); }

  /// On the clock of Clock::monotonic; none: no limit.
  std::optional<std::chrono::nanoseconds> deadline() const noexcept {
    if (raw()->deadline_ns == 0) return std::nullopt;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(raw()->deadline_ns));
  }

  /// True once the caller has given up: stop, the answer is thrown away.
  bool cancelled() const { return raw()->is_cancelled(raw()) != 0; }
  void throwIfCancelled() const {
    if (cancelled()) throw Failure(DISPATCH_ERR_CANCELLED, "The call was cancelled.");
  }

  /// Has `notify` called once, on a thread of the host, when the call is cancelled (at once if it is
  /// already). It must return quickly. A second one replaces the first. It never runs after the call was
  /// answered.
  void onCancel(std::function<void()> notify) const { _state->onCancel(std::move(notify)); }

  /// Begins an answer that comes later, possibly from another thread: keep the Completion, return its
  /// deferred().
  template <class Result>
  Completion<Result> defer() const;

  /// The sentence that a failed service left for this call; for a method that reports it and goes on.
  std::string reason() const {
    if (!DISPATCH_HAS(raw(), dispatch_call, reason)) return {};
    dispatch_str text{nullptr, 0};
    raw()->reason(raw(), &text);
    return std::string(view(text));
  }

  const dispatch_call* raw() const noexcept { return _state->raw(); }
  sdk::CallState& state() const noexcept { return *_state; }

 private:
  std::shared_ptr<sdk::CallState> _state;
};

/// The duty to answer a deferred call, exactly once, from any thread. Destroyed without an answer it fails
/// the call.
template <class Result>
class Completion {
 public:
  explicit Completion(std::shared_ptr<sdk::CallState> state) : _state(std::move(state)) {}
  Completion(Completion&&) noexcept = default;
  Completion& operator=(Completion&& other) noexcept {
    if (this != &other) {
      abandon();
      _state = std::move(other._state);
    }
    return *this;
  }
  ~Completion() { abandon(); }

  /// What the method returns.
  Deferred<Result> deferred() const { return {}; }

  /// True once nobody waits any more, or the call was answered.
  bool cancelled() const { return _state == nullptr || _state->cancelled(); }

  /// Answers the call. Does nothing if it was answered already.
  void answer(const Result& result) noexcept;
  void fail(const Failure& failure) noexcept {
    finish(failure.status(), failure.message(), failure.retryAfter());
  }

 private:
  void abandon() noexcept {
    if (_state) finish(DISPATCH_ERR_INTERNAL, "The plugin dropped the call without an answer.", {});
  }
  void finish(dispatch_status status, std::string_view message,
              std::chrono::milliseconds retryAfter) noexcept {
    const std::shared_ptr<sdk::CallState> state = std::move(_state);
    if (!state || !state->settle()) return;
    sdk::fail(state->raw(), status, message, retryAfter);
    state->raw()->complete(state->raw(), status, nullptr);
  }

  std::shared_ptr<sdk::CallState> _state;
};

template <class Result>
Completion<Result> Call::defer() const {
  if (_state->deferred) throw std::logic_error("A call can be deferred only once.");
  _state->deferred = true;
  return Completion<Result>(_state);
}

template <class Result>
void Completion<Result>::answer(const Result& result) noexcept {
  const std::shared_ptr<sdk::CallState> state = std::move(_state);
  if (!state || !state->settle()) return;
  const dispatch_call* raw = state->raw();
  dispatch_status status = DISPATCH_OK;
  dispatch_str out{nullptr, 0};
  try {
    out = sdk::toArena(raw, sdk::dump(toJson(result)));
  } catch (const Failure& failure) {
    status = sdk::fail(raw, failure.status(), failure.message());
  } catch (const std::exception& error) {
    status = sdk::fail(raw, DISPATCH_ERR_INTERNAL, error.what());
  } catch (...) {
    status = sdk::fail(raw, DISPATCH_ERR_INTERNAL, "The plugin threw something that is no exception.");
  }
  raw->complete(raw, status, status == DISPATCH_OK ? &out : nullptr);
}

}  // namespace dispatch
