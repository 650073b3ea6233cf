#pragma once

#include "plugin/call/deadline_watch.hpp"
#include "plugin/worker/worker_keeper.hpp"
#include "wire/wire.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::plugin {

class WorkerLane;

/// What a worker was refused, and how often since it last said so.
struct WorkerDenial {
  wire::Denied what = wire::Denied::systemCall;
  std::string name;
  std::uint64_t times = 1;
};

/// What an owner hears of its worker outside of calls. On the keeper's thread: short, and waits for nothing.
class WorkerOwner {
 public:
  virtual ~WorkerOwner() = default;
  virtual void workerLogged(std::uint32_t level, std::string_view text) noexcept = 0;
  virtual void workerMisbehaved(std::uint64_t request, std::string_view text) noexcept = 0;
  virtual void workerWasDenied(const WorkerDenial& denial) noexcept = 0;
  virtual void workerClosedStream(std::uint64_t number) noexcept = 0;
  /// The name and then the labels, each ended by a zero.
  virtual void workerMeasured(std::string_view nameAndLabels, double value) noexcept = 0;
  virtual void workerWrote(std::string_view text) noexcept = 0;
  virtual void workerEnded() noexcept = 0;
};

/// What the query table of a library says, read in a worker.
struct WorkerHello {
  wire::SandboxLevel sandbox;
  bool hasTable = false;
  std::uint32_t structSize = 0, abiMinor = 0;
  bool create = false, destroy = false, getInterface = false;
  bool start = false, reconfigure = false, drain = false, stop = false;
  /// Texts with the length that was claimed, where they could not be read.
  std::string id, version, buildInfo;
  std::uint64_t idSize = 0, versionSize = 0, buildInfoSize = 0;
  std::string denied;  ///< the first system call that the sandbox refused while the library was loaded
};

/// One worker process, from its start to its end. [any-thread]
class WorkerProcess final : public WorkerEar,
                            public WatchedCalls,
                            public std::enable_shared_from_this<WorkerProcess> {
 public:
  struct Options {
    std::string program;  ///< dispatch-worker
    std::string name;     ///< the plugin's id
    int library = -1;     ///< its sealed bytes; the caller's
    wire::Setup setup;    ///< version and process are filled in
  };
  /// Starts it and waits until its library is loaded, at most `patience`. Throws Problem(unavailable): it
  /// could not be started, the sandbox could not be closed, it ended or was too slow; Problem(invalid) where
  /// the library refuses to load, with a fragment that begins with what it does ("cannot be loaded: …").
  static std::shared_ptr<WorkerProcess> start(std::shared_ptr<WorkerKeeper> keeper,
                                              std::shared_ptr<DeadlineWatch> watch, const Options& options,
                                              std::weak_ptr<WorkerOwner> owner,
                                              std::chrono::milliseconds patience);
  ~WorkerProcess() override;  ///< ends it
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  /// Who hears of it from now on. False where it has ended.
  bool adopt(std::weak_ptr<WorkerOwner> owner) noexcept;

  const WorkerHello& hello() const noexcept { return _hello; }
  int process() const noexcept { return _process; }
  bool alive() const noexcept { return !_dead.load(std::memory_order_acquire); }

  /// A lane that nobody uses, or a new one; nullptr where the process is gone. give() takes it back.
  WorkerLane* takeLane();
  void give(WorkerLane* lane) noexcept;
  /// No call is under way on any lane, and none ended with the process.
  bool idle() const noexcept;

  /// When the process is ended if the call on `lane` has not; 0 = never.
  void killAt(WorkerLane& lane, std::uint64_t ns) noexcept;

  /// kill -9, at once; lanes then end. `why` is kept if it is the first; "" where it ended by itself.
  void kill(const char* why) noexcept;
  /// Why we killed it; "" where it ended by itself.
  std::string killedBecause() const;
  /// How it ended; waits a little for the system to say so.
  std::optional<WorkerEnd> awaitEnd(std::chrono::milliseconds most) noexcept;

  /// Tells the worker that a call is given up, and lets it live on at most `graceNs` if the call does not
  /// end.
  void cancel(WorkerLane& lane, std::uint64_t request, std::int32_t reason, std::uint64_t graceNs) noexcept;

  std::uint64_t memoryBytes() const noexcept;  ///< resident and its own (RssAnon); 0 = unknown

  // WorkerEar, WatchedCalls
  bool controlReadable() override;
  bool outputReadable() override;
  void ended(WorkerEnd end) override;
  std::uint64_t checkDeadlines(std::uint64_t nowNs) noexcept override;

 private:
  WorkerProcess(std::shared_ptr<WorkerKeeper> keeper, std::shared_ptr<DeadlineWatch> watch,
                std::weak_ptr<WorkerOwner> owner);
  void awaitHello(std::chrono::milliseconds patience, const std::string& name);
  void readHello(std::string_view text);
  std::shared_ptr<WorkerOwner> owner() const noexcept;
  void wasDenied(const wire::Frame& frame);

  // Kept: the keeper's thread may let go of the last plugin, and then of this.
  std::shared_ptr<WorkerKeeper> _keeper;
  std::shared_ptr<DeadlineWatch> _watch;
  int _process = -1, _handle = -1, _control = -1, _output = -1;
  std::uint32_t _maxLanes = 1;
  WorkerHello _hello;
  std::atomic<bool> _dead{false};
  bool _listening = false;

  mutable std::mutex _mutex;
  std::weak_ptr<WorkerOwner> _owner;
  std::vector<WorkerDenial> _unheard;  ///< while nobody owned it
  std::condition_variable _changed;
  std::optional<WorkerEnd> _end;
  std::string _killedBecause;
  std::vector<std::unique_ptr<WorkerLane>> _lanes;
  std::vector<WorkerLane*> _free;
  std::vector<char> _buffer;
};

}  // namespace dispatch::plugin
