#pragma once

#include "plugin/call/deadline_watch.hpp"
#include "plugin/call/host_call.hpp"
#include "plugin/call/turn_gate.hpp"
#include "plugin/instance.hpp"

#include <Poco/Logger.h>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dispatch::plugin {

/// The calls of one instance: a seat for each turn that max_concurrency allows, and one for control
/// functions. Knows which calls were given up while their plugin still works on them. Those keep their turn
/// for a while, because the plugin is busy with them.
class CallSeats final : public CallOwner, public WatchedCalls {
 public:
  using Present = std::function<std::string(std::string_view)>;

  CallSeats(int turns, std::string pluginId, Poco::Logger& logger, Present present, DeadlineWatch& watch);
  ~CallSeats() override;

  /// Takes a seat, waiting until `deadlineNs`; -1 where none came free, the seats are closed, or
  /// `cancellation` was cancelled.
  int take(std::uint64_t deadlineNs, const std::shared_ptr<Cancellation>& cancellation);
  /// So many calls wait that another one would do better to come back.
  static constexpr int mostWaiting = 256;
  bool crowded() const noexcept { return _gate.waiting() >= mostWaiting; }
  int controlSeat() const noexcept { return _turns; }  ///< whoever holds the control mutex has it
  HostCall& at(int seat) noexcept {
    return *_seats[static_cast<std::size_t>(seat)].load(std::memory_order_acquire);
  }

  /// The call in `seat` has ended and its answer was read. One that was pending rests before it is used
  /// again, so that a plugin that completes it twice is found out.
  void give(int seat, bool wasPending) noexcept;
  /// The caller gave up; the plugin still has the call. Its turn comes free when it completes, at the latest
  /// at `holdUntilNs`.
  void abandon(int seat, std::uint64_t holdUntilNs);

  void close() noexcept;
  void open() noexcept { _closed = false; }
  bool closed() const noexcept { return _closed; }
  void cancelAll(dispatch_status reason) noexcept;
  /// Waits until no caller is inside the plugin any more; false if some still are at `untilNs`.
  bool waitIdle(std::uint64_t untilNs);
  std::size_t abandoned() const;

  /// The instance goes: nothing of it is touched any more by late answers.
  void orphan() noexcept;

  std::uint64_t checkDeadlines(std::uint64_t nowNs) noexcept override;
  void lateAnswer(HostCall& call, dispatch_status status) noexcept override;
  void misbehaved(const HostCall& call, const char* what) noexcept override;
  std::string presentable(std::string_view text) const override;

 private:
  struct Abandoned {
    int seat;  ///< -1 once its turn was taken back
    std::uint64_t holdUntilNs;
    std::uint64_t sinceNs;
    std::string method;  ///< the caller's text is gone when this is read
  };
  HostCall* fresh();  ///< under _mutex
  void reseat(int seat, HostCall* with) noexcept;
  void takeBackOverdue(std::uint64_t nowNs);

  const int _turns;
  const std::string _pluginId;
  Poco::Logger& _logger;
  Present _present;
  DeadlineWatch& _watch;
  TurnGate _gate;
  std::atomic<bool> _closed{false};
  std::atomic<bool> _orphaned{false};
  std::atomic<int> _held{0};  ///< turns of calls that were given up; read where _mutex must not be taken
  std::vector<std::atomic<HostCall*>> _seats;
  mutable std::mutex _mutex;
  std::vector<std::unique_ptr<HostCall>> _all;
  std::deque<HostCall*> _resting;
  std::map<HostCall*, Abandoned> _abandoned;
};

}  // namespace dispatch::plugin
