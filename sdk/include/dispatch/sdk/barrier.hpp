#pragma once

#include <dispatch/sdk/call.hpp>

#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace dispatch::sdk {

/// The one barrier: every entry point of a plugin runs inside it. Whatever `body` throws becomes a failed
/// call with a sentence; nothing gets across the boundary, and nothing that went wrong looks like success.
template <class Body>
dispatch_status guarded(const dispatch_call* raw, Body&& body) noexcept {
  std::shared_ptr<CallState> state;
  const auto failed = [&](dispatch_status status, std::string_view message,
                          std::chrono::milliseconds retryAfter = {}) {
    // A method that deferred its call and then threw: whoever answers first has answered.
    if (state && state->deferred && !state->settle()) return DISPATCH_PENDING;
    return fail(raw, status < 0 ? status : DISPATCH_ERR_INTERNAL, message, retryAfter);
  };
  try {
    state = std::make_shared<CallState>(raw);
    const dispatch_status status = std::forward<Body>(body)(Call(state));
    if (status == DISPATCH_PENDING) return status;
    if (state->deferred)
      return failed(DISPATCH_ERR_INTERNAL, "The method deferred its call and then answered it itself.");
    state->settle();
    return status;
  } catch (const ReportedFailure& failure) {
    // The host has recorded its own sentence already.
    if (state && state->deferred && !state->settle()) return DISPATCH_PENDING;
    if (state) state->settle();
    return failure.status() < 0 ? failure.status() : DISPATCH_ERR_INTERNAL;
  } catch (const Failure& failure) {
    const dispatch_status status = failed(failure.status(), failure.message(), failure.retryAfter());
    if (state && status != DISPATCH_PENDING) state->settle();
    return status;
  } catch (const std::bad_alloc&) {
    const dispatch_status status = failed(DISPATCH_ERR_INTERNAL, "The plugin ran out of memory.");
    if (state && status != DISPATCH_PENDING) state->settle();
    return status;
  } catch (const std::exception& error) {
    const dispatch_status status = failed(DISPATCH_ERR_INTERNAL, error.what());
    if (state && status != DISPATCH_PENDING) state->settle();
    return status;
  } catch (...) {
    const dispatch_status status =
        failed(DISPATCH_ERR_INTERNAL, "The plugin threw something that is no exception.");
    if (state && status != DISPATCH_PENDING) state->settle();
    return status;
  }
}

/// The same for entry points that have no call and cannot fail.
template <class Value, class Body>
Value guardedOr(Value fallback, Body&& body) noexcept {
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    return fallback;
  }
}

}  // namespace dispatch::sdk
