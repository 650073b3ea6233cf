#pragma once

#include <dispatch/abi.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace dispatch {

/// A deliberate failure of a call: what the host is told, and the sentence a person reads. Throw it from
/// anywhere inside a plugin's method; every other exception is reported as a defect of the plugin
/// (DISPATCH_ERR_INTERNAL with its what()). The message says what was tried, what came back and what to do;
/// it never contains a secret.
class Failure : public std::exception {
 public:
  Failure(dispatch_status status, std::string message, std::chrono::milliseconds retryAfter = {})
      : _status(status), _message(std::move(message)), _retryAfter(retryAfter) {}

  /// This input or configuration can never work: no retry.
  static Failure invalid(std::string message) { return {DISPATCH_ERR_INVALID, std::move(message)}; }
  /// Nothing happened; later it may work. `retryAfter` zero: the host decides when.
  static Failure unavailable(std::string message, std::chrono::milliseconds retryAfter = {}) {
    return {DISPATCH_ERR_UNAVAILABLE, std::move(message), retryAfter};
  }
  /// Credentials or permissions are not enough: a person must act.
  static Failure denied(std::string message) { return {DISPATCH_ERR_DENIED, std::move(message)}; }
  static Failure notFound(std::string message) { return {DISPATCH_ERR_NOT_FOUND, std::move(message)}; }
  /// The effect may have happened although no good answer came back: the host will not blindly repeat it.
  static Failure uncertain(std::string message) { return {DISPATCH_ERR_UNCERTAIN, std::move(message)}; }
  static Failure unsupported(std::string message) { return {DISPATCH_ERR_UNSUPPORTED, std::move(message)}; }

  dispatch_status status() const noexcept { return _status; }
  const std::string& message() const noexcept { return _message; }
  std::chrono::milliseconds retryAfter() const noexcept { return _retryAfter; }
  const char* what() const noexcept override { return _message.c_str(); }

 private:
  dispatch_status _status;
  std::string _message;
  std::chrono::milliseconds _retryAfter;
};

/// A service of the host failed and has given its own sentence to the call: the barrier leaves that one in
/// place. A method that wants to add to it catches this and throws a Failure of its own.
class ReportedFailure : public Failure {
 public:
  using Failure::Failure;
};

}  // namespace dispatch
