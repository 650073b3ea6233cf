#include "plugin/call/circuit_breaker.hpp"

#include <algorithm>

namespace dispatch::plugin {

std::chrono::milliseconds CircuitBreaker::leftOf(std::uint64_t nowNs) const {
  return std::chrono::milliseconds(_openUntilNs > nowNs ? (_openUntilNs - nowNs) / 1'000'000 + 1 : 0);
}

std::optional<std::chrono::milliseconds> CircuitBreaker::refuses(std::uint64_t nowNs, bool insist) {
  const std::lock_guard lock(_mutex);
  if (_state == State::closed) return std::nullopt;
  if (!insist) {
    if (_state == State::probing) return std::max(leftOf(nowNs), std::chrono::milliseconds(1000));
    if (nowNs < _openUntilNs) return leftOf(nowNs);
  }
  _state = State::probing;
  return std::nullopt;
}

bool CircuitBreaker::ended(End end, std::uint64_t nowNs) {
  const std::lock_guard lock(_mutex);
  if (end == End::good) {
    _state = State::closed;
    _failuresInARow = 0;
    _openFor = std::chrono::milliseconds(0);
    return false;
  }
  // A probe that was cancelled leaves the question to the next one.
  if (end == End::saysNothing) {
    if (_state == State::probing) _state = State::open;
    return false;
  }
  ++_failuresInARow;
  const bool opens =
      _state == State::probing || (_state == State::closed && _failuresInARow >= _options.failures);
  if (!opens) return false;
  _state = State::open;
  _openFor = std::clamp(_openFor * 2, _options.shortest, _options.longest);
  _openUntilNs = nowNs + static_cast<std::uint64_t>(_openFor.count()) * 1'000'000;
  return true;
}

void CircuitBreaker::reset() { ended(End::good, 0); }

CircuitBreaker::Reading CircuitBreaker::read(std::uint64_t nowNs) const {
  const std::lock_guard lock(_mutex);
  return {_state, _failuresInARow, _state == State::closed ? std::chrono::milliseconds(0) : leftOf(nowNs)};
}

}  // namespace dispatch::plugin
