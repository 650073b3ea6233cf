#include "worker/denials.hpp"

#include "wire/wire.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace dispatch::worker {

namespace {

constexpr std::uint32_t toldOneByOne = 1000;
constexpr std::uint64_t intervalNs = 1'000'000'000;
constexpr int patienceMs = 1000;

struct Counter {
  std::atomic<std::uint32_t> told{0};
  std::atomic<std::uint64_t> untold{0}, toldAtNs{0};
};

constexpr std::size_t numbers = 512;  // more than there are; what has no number shares the last
std::array<Counter, numbers + 1> systemCalls;
std::array<Counter, wire::serviceIds.size()> services;

std::uint64_t nowNs() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(time.tv_nsec);
}

void tell(Counter& counter, wire::Denied what, std::uint64_t number) noexcept {
  counter.untold.fetch_add(1, std::memory_order_relaxed);
  if (counter.told.load(std::memory_order_relaxed) >= toldOneByOne) {
    const auto now = nowNs();
    auto last = counter.toldAtNs.load(std::memory_order_relaxed);
    if (now - last < intervalNs || !counter.toldAtNs.compare_exchange_strong(last, now)) return;
  }
  wire::Frame frame;
  frame.kind = wire::FrameKind::denied;
  frame.function = static_cast<std::uint32_t>(what);
  frame.request = number;
  frame.size = counter.untold.exchange(0, std::memory_order_relaxed);
  if (frame.size == 0) return;  // another thread has told of it
  if (wire::sendPatiently(wire::controlDescriptor, frame, {}, patienceMs))
    counter.told.fetch_add(1, std::memory_order_relaxed);
  else
    counter.untold.fetch_add(frame.size, std::memory_order_relaxed);  // comes along the next time
}

}  // namespace

void Denials::systemCall(long number) noexcept {
  const auto place = static_cast<unsigned long>(number);
  tell(systemCalls[std::min<std::size_t>(place, numbers)], wire::Denied::systemCall, place);
}

void Denials::service(std::size_t index) noexcept {
  if (index < services.size()) tell(services[index], wire::Denied::service, index);
}

}  // namespace dispatch::worker
