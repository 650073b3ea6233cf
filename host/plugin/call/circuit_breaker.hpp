#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace dispatch::plugin {

/// Keeps calls from what fails one after the other, so that callers do not queue up for answers that do not
/// come, and what is down is left in peace to come up. Closed, calls pass. After `failures` in a row it opens
/// and refuses them at once, first for `shortest`, then for twice as long up to `longest`; after that one
/// call passes as a probe, and its end decides. [any-thread]
class CircuitBreaker {
 public:
  struct Options {
    int failures = 5;
    std::chrono::milliseconds shortest{5'000}, longest{60'000};
  };
  enum class State { closed, open, probing };
  enum class End { good, bad, saysNothing };  ///< what a call's end says of whether the plugin works

  CircuitBreaker() : CircuitBreaker(Options{}) {}
  explicit CircuitBreaker(Options options) : _options(options) {}

  /// How long to wait, where the call may not pass. `insist`: it passes whatever the state, as a probe.
  std::optional<std::chrono::milliseconds> refuses(std::uint64_t nowNs, bool insist);
  /// The end of a call that passed. True if that opened it.
  bool ended(End end, std::uint64_t nowNs);
  void reset();  ///< what is asked was changed: nothing is known of it

  struct Reading {
    State state = State::closed;
    int failuresInARow = 0;
    std::chrono::milliseconds left{0};  ///< until a probe may pass
  };
  Reading read(std::uint64_t nowNs) const;

 private:
  std::chrono::milliseconds leftOf(std::uint64_t nowNs) const;

  const Options _options;
  mutable std::mutex _mutex;
  State _state = State::closed;
  int _failuresInARow = 0;
  std::chrono::milliseconds _openFor{0};
  std::uint64_t _openUntilNs = 0;
};

}  // namespace dispatch::plugin
