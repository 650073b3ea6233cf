#include "plugin/call/turn_gate.hpp"

#include <bit>
#include <chrono>

namespace dispatch::plugin {

namespace {

std::chrono::steady_clock::time_point timePoint(std::uint64_t ns) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns));
}

}  // namespace

TurnGate::TurnGate(int turns)
    : _turns(turns), _free(turns >= 64 ? ~std::uint64_t(0) : (std::uint64_t(1) << turns) - 1) {}

int TurnGate::tryTake() noexcept {
  auto free = _free.load(std::memory_order_relaxed);
  while (free != 0) {
    const auto lowest = free & (~free + 1);
    if (_free.compare_exchange_weak(free, free & ~lowest, std::memory_order_seq_cst))
      return std::countr_zero(lowest);
  }
  return -1;
}

int TurnGate::take(std::uint64_t untilNs, const std::function<bool()>& stop) {
  std::unique_lock lock(_mutex);
  ++_waiting;
  int turn = -1;
  // Counted as waiting first and looked again then, so that no turn is given unseen.
  _changed.wait_until(lock, timePoint(untilNs), [&] { return stop() || (turn = tryTake()) >= 0; });
  --_waiting;
  return turn;
}

void TurnGate::give(int turn) noexcept {
  _free.fetch_or(std::uint64_t(1) << turn, std::memory_order_seq_cst);
  if (_waiting.load(std::memory_order_seq_cst) > 0) stir();
}

void TurnGate::stir() noexcept {
  const std::lock_guard lock(_mutex);
  _changed.notify_all();
}

bool TurnGate::waitIdle(std::uint64_t untilNs, const std::function<int()>& except) {
  std::unique_lock lock(_mutex);
  ++_waiting;
  const bool idle = _changed.wait_until(lock, timePoint(untilNs), [&] { return taken() <= except(); });
  --_waiting;
  return idle;
}

int TurnGate::taken() const noexcept { return _turns - std::popcount(_free.load(std::memory_order_seq_cst)); }

}  // namespace dispatch::plugin
