#include "plugin/call/call_seats.hpp"

#include "plugin/service/service_support.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

constexpr std::size_t restingCalls = 64;
constexpr std::uint64_t lookAgainNs = 1'000'000'000;

}  // namespace

CallSeats::CallSeats(int turns, std::string pluginId, Poco::Logger& logger, Present present,
                     DeadlineWatch& watch)
    : _turns(turns),
      _pluginId(std::move(pluginId)),
      _logger(logger),
      _present(std::move(present)),
      _watch(watch),
      _gate(turns),
      _seats(static_cast<std::size_t>(turns) + 1) {
  for (auto& seat : _seats) {
    _all.push_back(std::make_unique<HostCall>(*this));
    seat = _all.back().get();
  }
  _watch.add(*this);
}

CallSeats::~CallSeats() { orphan(); }

void CallSeats::orphan() noexcept {
  if (!_orphaned.exchange(true)) _watch.remove(*this);
}

int CallSeats::take(std::uint64_t deadlineNs, const std::shared_ptr<Cancellation>& cancellation) {
  const auto cancelled = [&] { return cancellation && cancellation->cancelled(); };
  if (_closed || cancelled()) return -1;
  if (const int turn = _gate.tryTake(); turn >= 0) return turn;
  // The predicate runs under the gate's lock, and cancelling takes the two locks in the other order: only a
  // flag is read there.
  auto flag = std::make_shared<std::atomic<bool>>(false);
  const std::uint64_t id = cancellation ? cancellation->attach([this, flag] {
    *flag = true;
    _gate.stir();
  })
                                        : 0;
  int turn = -1;
  for (auto now = monotonicNs(); turn < 0 && !_closed && !*flag && now < deadlineNs; now = monotonicNs()) {
    takeBackOverdue(now);
    turn =
        _gate.take(std::min(deadlineNs, now + lookAgainNs), [&] { return _closed.load() || flag->load(); });
  }
  if (cancellation) cancellation->detach(id);
  return turn;
}

HostCall* CallSeats::fresh() {
  if (_resting.size() > restingCalls) {
    auto* call = _resting.front();
    _resting.pop_front();
    call->end();
    call->recycle();
    return call;
  }
  _all.push_back(std::make_unique<HostCall>(*this));
  return _all.back().get();
}

void CallSeats::reseat(int seat, HostCall* with) noexcept {
  _seats[static_cast<std::size_t>(seat)].store(with, std::memory_order_release);
  if (seat < _turns) _gate.give(seat);
}

void CallSeats::give(int seat, bool wasPending) noexcept {
  auto& call = at(seat);
  call.recycle();
  if (!wasPending) {
    if (seat < _turns) _gate.give(seat);
    return;
  }
  HostCall* next = &call;  // without memory for another, this one has to do
  try {
    const std::lock_guard lock(_mutex);
    next = fresh();
    _resting.push_back(&call);
  } catch (...) {
    next = &call;
  }
  reseat(seat, next);
}

void CallSeats::abandon(int seat, std::uint64_t holdUntilNs) {
  bool answered = false;
  {
    const std::lock_guard lock(_mutex);
    auto& call = at(seat);
    // It may have been completed since: then the late answer found no entry and left that to us.
    answered = call.answeredLate();
    if (!answered) {
      // A control function must stay possible, whatever a call before it does: it gives its seat up at once.
      const bool control = seat == controlSeat();
      auto* next = control ? fresh() : nullptr;
      _abandoned.emplace(
          &call, Abandoned{control ? -1 : seat, holdUntilNs, monotonicNs(), std::string(call.method())});
      if (control) {
        _seats[static_cast<std::size_t>(seat)].store(next, std::memory_order_release);
      } else {
        ++_held;
        _gate.stir();
      }
    }
  }
  if (!answered) return;
  at(seat).end();
  give(seat, true);
}

void CallSeats::takeBackOverdue(std::uint64_t nowNs) {
  const std::lock_guard lock(_mutex);
  for (auto& [call, abandoned] : _abandoned) {
    if (abandoned.seat < 0 || nowNs < abandoned.holdUntilNs) continue;
    _logger.error("Plugin " + _pluginId + " has not completed request " + std::to_string(call->requestId()) +
                  " (" + abandoned.method + ") since it was given up; its turn is given to others now.");
    --_held;
    reseat(std::exchange(abandoned.seat, -1), fresh());
  }
}

void CallSeats::lateAnswer(HostCall& call, dispatch_status status) noexcept {
  try {
    const std::lock_guard lock(_mutex);
    const auto found = _abandoned.find(&call);
    if (found == _abandoned.end()) return;  // abandon() is just coming to it
    const auto late = (monotonicNs() - found->second.sinceNs) / 1'000'000;
    const int seat = found->second.seat;
    _abandoned.erase(found);
    _resting.push_back(&call);
    if (seat >= 0) {
      --_held;
      reseat(seat, fresh());
    }
    if (!_orphaned)
      _logger.warning("Plugin " + _pluginId + " completed request " + std::to_string(call.requestId()) +
                      " with status " + std::to_string(status) + ", " + std::to_string(late) +
                      " ms after it was given up; the answer is thrown away.");
  } catch (...) {
    // Without memory the turn stays taken until takeBackOverdue.
  }
}

void CallSeats::misbehaved(const HostCall& call, const char* what) noexcept {
  try {
    _logger.error("Plugin " + _pluginId + ' ' + what + " (request " + std::to_string(call.requestId()) +
                  "). This is a defect of the plugin; nothing else was affected.");
  } catch (...) {
    // No memory for the line.
  }
}

std::string CallSeats::presentable(std::string_view text) const {
  return _orphaned ? std::string("(the plugin is gone)") : _present(text);
}

void CallSeats::close() noexcept {
  _closed = true;
  _gate.stir();
}

void CallSeats::cancelAll(dispatch_status reason) noexcept {
  for (auto& seat : _seats)
    if (&seat != &_seats.back()) seat.load(std::memory_order_acquire)->cancel(reason);
}

bool CallSeats::waitIdle(std::uint64_t untilNs) {
  return _gate.waitIdle(untilNs, [&] { return _held.load(); });
}

std::size_t CallSeats::abandoned() const {
  const std::lock_guard lock(_mutex);
  return _abandoned.size();
}

std::uint64_t CallSeats::checkDeadlines(std::uint64_t nowNs) noexcept {
  std::uint64_t nearest = 0;
  for (auto& seat : _seats)
    if (const auto deadline = seat.load(std::memory_order_acquire)->checkDeadline(nowNs);
        deadline != 0 && (nearest == 0 || deadline < nearest))
      nearest = deadline;
  return nearest;
}

}  // namespace dispatch::plugin
