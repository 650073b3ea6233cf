#pragma once

#include <dispatch/abi.h>
#include <dispatch/sdk/text.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace dispatch::testing {

using Json = nlohmann::json;

/// How a call ended.
struct Outcome {
  dispatch_status status = DISPATCH_ERR_INTERNAL;
  std::string message;
  std::uint32_t retryAfterMs = 0;
  Json value;
  bool ok() const noexcept { return status == DISPATCH_OK; }
};

struct CallOptions {
  std::string idempotencyKey{};
  std::uint64_t deadlineNs = 0;              ///< on the fake clock; 0 = none
  bool cancelled = false;                    ///< before the method is called
  std::chrono::milliseconds cancelAfter{0};  ///< of real time, from another thread; 0 = never
  std::size_t arenaLimit = 16U << 20U;
  std::chrono::milliseconds patience{
      10'000};  ///< real time to wait for a deferred answer before the test fails
  std::size_t answerSize = sizeof(dispatch_str);  ///< of what a deferred answer points at; Instance sets it
};

/// A call as a host makes it, on the test's side. Lives until the plugin has answered.
class FakeCall {
 public:
  explicit FakeCall(CallOptions options = {}) : _options(std::move(options)) {
    _raw.struct_size = sizeof _raw;
    _raw.request_id = 1;
    _raw.deadline_ns = _options.deadlineNs;
    _raw.idempotency_key = str(_options.idempotencyKey);
    _raw.host_data = this;
    _raw.alloc = [](const dispatch_call* call, std::uint64_t size, std::uint64_t align) {
      return of(call).alloc(size, align);
    };
    _raw.fail = [](const dispatch_call* call, dispatch_status status, dispatch_str message,
                   std::uint32_t retryAfter) {
      FakeCall& self = of(call);
      const std::lock_guard lock(self._mutex);
      self._message = std::string(view(message));
      self._retryAfterMs = retryAfter;
      return status;
    };
    _raw.is_cancelled = [](const dispatch_call* call) -> std::int32_t {
      FakeCall& self = of(call);
      const std::lock_guard lock(self._mutex);
      return self._cancelled ? 1 : 0;
    };
    _raw.on_cancel = [](const dispatch_call* call, void (*notify)(void*), void* user) {
      return of(call).onCancel(notify, user);
    };
    _raw.complete = [](const dispatch_call* call, dispatch_status status, const void* out) {
      of(call).complete(status, out);
    };
    _raw.reason = [](const dispatch_call* call, dispatch_str* out) {
      FakeCall& self = of(call);
      const std::lock_guard lock(self._mutex);
      self._reasons.push_back(std::make_unique<std::string>(self._message));
      *out = str(*self._reasons.back());
    };
    _cancelled = _options.cancelled;
    if (_options.cancelAfter.count() > 0)
      _canceller = std::thread([this] {
        std::unique_lock lock(_mutex);
        if (!_changed.wait_for(lock, _options.cancelAfter, [this] { return _ended; })) {
          lock.unlock();
          cancel();
        }
      });
  }
  FakeCall(const FakeCall&) = delete;
  FakeCall& operator=(const FakeCall&) = delete;
  ~FakeCall() {
    {
      const std::lock_guard lock(_mutex);
      _ended = true;
    }
    _changed.notify_all();
    if (_canceller.joinable()) _canceller.join();
  }

  const dispatch_call* raw() const noexcept { return &_raw; }

  /// The outcome of a function that answered `status`; waits for one that is pending. `Out` is the type of
  /// its out parameter.
  template <class Out>
  Outcome finish(dispatch_status status, Out& out) {
    std::unique_lock lock(_mutex);
    if (status == DISPATCH_PENDING) {
      if (!_changed.wait_for(lock, _options.patience, [this] { return _completions > 0; }))
        throw std::runtime_error("A call answered PENDING and was never completed.");
      status = _completedStatus;
      if (status == DISPATCH_OK) {
        if (_completedOut == nullptr)
          throw std::runtime_error("A call was completed with OK and without an answer.");
        out = *static_cast<const Out*>(_completedOut);
      }
    } else if (_completions > 0) {
      throw std::runtime_error("A call that did not answer PENDING was completed.");
    }
    _ended = true;
    lock.unlock();
    _changed.notify_all();
    return {status,
            status == DISPATCH_OK ? std::string() : _message,
            status == DISPATCH_OK ? 0U : _retryAfterMs,
            {}};
  }

  const std::string& lastMessage() const noexcept { return _message; }

  void cancel() {
    void (*notify)(void*) = nullptr;
    void* user = nullptr;
    {
      const std::lock_guard lock(_mutex);
      if (_cancelled) return;
      _cancelled = true;
      std::swap(notify, _notify);
      user = _user;
      _notifying = notify != nullptr;
    }
    if (notify == nullptr) return;
    notify(user);
    {
      const std::lock_guard lock(_mutex);
      _notifying = false;
    }
    _changed.notify_all();
  }

 private:
  static FakeCall& of(const dispatch_call* call) { return *static_cast<FakeCall*>(call->host_data); }

  void* alloc(std::uint64_t size, std::uint64_t align) {
    const std::lock_guard lock(_mutex);
    if (align == 0 || align > 64 || (align & (align - 1)) != 0 || size > _options.arenaLimit - _used)
      return nullptr;
    _used += static_cast<std::size_t>(size);
    _arena.push_back(std::make_unique<std::byte[]>(static_cast<std::size_t>(size + align)));
    void* memory = _arena.back().get();
    std::size_t space = static_cast<std::size_t>(size + align);
    return std::align(static_cast<std::size_t>(align), static_cast<std::size_t>(size), memory, space);
  }

  dispatch_status onCancel(void (*notify)(void*), void* user) {
    {
      std::unique_lock lock(_mutex);
      if (notify == nullptr) {
        _notify = nullptr;
        _changed.wait(lock, [this] { return !_notifying; });
        return DISPATCH_OK;
      }
      if (!_cancelled) {
        _notify = notify;
        _user = user;
        return DISPATCH_OK;
      }
    }
    notify(user);
    return DISPATCH_OK;
  }

  void complete(dispatch_status status, const void* out) {
    // Notified under the lock: once it is released the waiting thread may end this call and free it.
    const std::lock_guard lock(_mutex);
    ++_completions;
    _completedStatus = status;
    _completedOut = out;
    if (out != nullptr) {
      // A text, or a struct that says how long it is; in the call's memory either way.
      _copy.resize(_options.answerSize);
      std::memcpy(_copy.data(), out, _options.answerSize);
      _completedOut = _copy.data();
    }
    _changed.notify_all();
  }

  CallOptions _options;
  dispatch_call _raw{};
  std::mutex _mutex;
  std::condition_variable _changed;
  std::vector<std::unique_ptr<std::byte[]>> _arena;
  std::vector<std::unique_ptr<std::string>> _reasons;
  std::vector<std::byte> _copy;
  std::thread _canceller;
  std::size_t _used = 0;
  std::string _message;
  std::uint32_t _retryAfterMs = 0;
  void (*_notify)(void*) = nullptr;
  void* _user = nullptr;
  bool _cancelled = false, _notifying = false, _ended = false;
  int _completions = 0;
  dispatch_status _completedStatus = DISPATCH_OK;
  const void* _completedOut = nullptr;
};

}  // namespace dispatch::testing
