#include "wire/spin.hpp"

#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>

namespace dispatch::wire {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t lookNs = 50'000;  // about what a sleep and a wake-up cost together
constexpr std::uint32_t mostMisses = 6;   // then one wait in 64 looks

std::atomic<std::uint32_t> allowedNs{0}, allowedCalls{0}, calls{0};

bool isThere(int socket) noexcept {
  char byte;
  // The end of the peer is something to hear of, too.
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

}  // namespace

Spin::Limits Spin::forThisMachine() noexcept {
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0 || CPU_COUNT(&cores) < 2) return {};
  return {lookNs, static_cast<std::uint32_t>(CPU_COUNT(&cores) / 2)};
}

void Spin::allow(const Limits& limits) noexcept {
  allowedNs.store(limits.ns, std::memory_order_relaxed);
  allowedCalls.store(limits.calls, std::memory_order_relaxed);
}

Spin::Call::Call() noexcept { calls.fetch_add(1, std::memory_order_relaxed); }
Spin::Call::~Call() { calls.fetch_sub(1, std::memory_order_relaxed); }

void Spin::wait(int socket) noexcept {
  const auto ns = allowedNs.load(std::memory_order_relaxed);
  if (ns == 0 || calls.load(std::memory_order_relaxed) > allowedCalls.load(std::memory_order_relaxed)) return;
  if (_skips > 0) {
    --_skips;
    return;
  }
  bool found = false;
  for (const auto until = Clock::now() + std::chrono::nanoseconds(ns); !found && Clock::now() < until;) {
    ::sched_yield();  // whoever else wants this core has something to do
    found = isThere(socket);
  }
  _misses = found ? 0 : std::min(_misses + 1, mostMisses);
  _skips = (1u << _misses) - 1;
}

}  // namespace dispatch::wire
