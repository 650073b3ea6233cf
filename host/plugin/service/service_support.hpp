#pragma once

#include "base/problem.hpp"
#include "plugin/call/host_call.hpp"

#include <dispatch/abi.h>

#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dispatch::plugin {

/// A service says no: becomes the status of the service's function and the sentence of the call.
class ServiceRefusal : public std::runtime_error {
 public:
  ServiceRefusal(dispatch_status status, const std::string& message, std::uint32_t retryAfterMs = 0)
      : std::runtime_error(message), _status(status), _retryAfterMs(retryAfterMs) {}
  dispatch_status status() const noexcept { return _status; }
  std::uint32_t retryAfterMs() const noexcept { return _retryAfterMs; }

 private:
  dispatch_status _status;
  std::uint32_t _retryAfterMs;
};

constexpr std::uint64_t maxTextBytes = 16u << 20;

/// Text from a plugin, with its pointer and length looked at first. Throws ServiceRefusal(INVALID).
std::string_view checkedText(dispatch_str text, const char* what);

/// A struct from a plugin: there, and of at least the size that this host reads. Throws
/// ServiceRefusal(INVALID).
template <class Struct>
const Struct& checkedStruct(const Struct* given, const char* what) {
  if (given == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, std::string(what) + " is NULL");
  if (given->struct_size < sizeof(Struct))
    throw ServiceRefusal(DISPATCH_ERR_INVALID, std::string(what) + " has struct_size " +
                                                   std::to_string(given->struct_size) +
                                                   ", expected at least " + std::to_string(sizeof(Struct)));
  return *given;
}

/// The call that a plugin handed to a service. Throws ServiceRefusal(INVALID) for NULL.
HostCall& checkedCall(const dispatch_call* call);

/// Puts `text` into the call's arena. Throws ServiceRefusal(LIMIT).
dispatch_str answerText(HostCall& call, std::string_view text);

dispatch_status statusOf(Problem::Kind kind) noexcept;

/// Every service's entry runs in this: no exception crosses, every failure leaves its sentence with the call.
template <class Function>
dispatch_status guarded(const dispatch_call* call, Function function) noexcept {
  auto* host = HostCall::of(call);
  const auto failed = [&](dispatch_status status, const char* message, std::uint32_t retryAfterMs = 0) {
    return host == nullptr ? status : host->fail(status, message, retryAfterMs);
  };
  try {
    return function();
  } catch (const ServiceRefusal& refusal) {
    return failed(refusal.status(), refusal.what(), refusal.retryAfterMs());
  } catch (const Problem& problem) {
    return failed(statusOf(problem.kind()), problem.what(), problem.retryAfterMs());
  } catch (const std::bad_alloc&) {
    return failed(DISPATCH_ERR_LIMIT, "the host has no memory for this");
  } catch (const std::exception& error) {
    return failed(DISPATCH_ERR_INTERNAL, error.what());
  } catch (...) {
    return failed(DISPATCH_ERR_INTERNAL, "an unknown error in the host");
  }
}

/// One line for logs and pages: control characters as \n, \xNN, at most `most` bytes, cut between characters.
std::string oneLine(std::string_view text, std::size_t most);
/// ASCII letters in lower case: schemes, hosts and header names do not tell the cases apart.
std::string lowerCase(std::string_view text);
/// RFC 9110 section 5.6.2: what a method or the name of a header is made of.
bool isToken(std::string_view text);

}  // namespace dispatch::plugin
