#pragma once

#include "plugin/library.hpp"
#include "plugin/package/ledger.hpp"
#include "plugin/worker/worker_process.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace dispatch::plugin {

/// How often the workers of one package crashed, and what follows. [any-thread]
class CrashLoop {
 public:
  /// After a crash: how long until the next start. The first is at once, then 100 ms, doubled to 30 s, with
  /// jitter.
  std::chrono::milliseconds crashed();
  /// Milliseconds until a worker may be started; 0 = now.
  std::uint32_t waitMs() const;
  /// Too many in two minutes: the reason, and the count begins anew; "" otherwise.
  std::string verdict();
  std::uint64_t total() const;

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t most = 8;
  mutable std::mutex _mutex;
  std::deque<Clock::time_point> _recent;
  Clock::time_point _notBefore;
  std::uint64_t _total = 0;
};

/// What workers need of the host; lives as long as they.
struct WorkerHouse {
  std::string program;                     ///< path of dispatch-worker
  std::uint64_t memoryBytes = 512u << 20;  ///< a worker's own memory (RLIMIT_DATA)
  bool sandbox = true;                     ///< off only in tests of what it prevents
  std::string crashDirectory;              ///< where the last crash of each plugin is kept; "" = nowhere
  std::shared_ptr<Ledger> ledger;  ///< remembers what is put aside across restarts; null: until the end
  TrustSource trust;               ///< asked before a worker is started; empty: nobody is asked
  WorkerKeeper keeper;

  /// A package whose workers crash again and again is put aside until an operator releases it.
  void quarantine(const std::string& digest, const std::string& reason);
  /// Why no worker of this package may be started now: refusalNow(), or quarantine.
  std::string refusal(const Credentials& credentials) const;
  /// Of everything that was loaded from the package with this digest: loading it again is no fresh start.
  std::shared_ptr<CrashLoop> crashesOf(const std::string& digest);

 private:
  mutable std::mutex _mutex;
  std::map<std::string, std::string> _quarantined;  ///< by digest, where there is no ledger
  std::map<std::string, std::shared_ptr<CrashLoop>> _crashes;
};

/// The tables of every interface, with a stub for each function that crosses.
const wire::InterfaceTables& workerStubs();

/// A library that never enters this process: its functions are the stubs of a worker's. The same checks run
/// over them.
class WorkerLibrary final : public Library {
 public:
  /// Reads its query table in a worker, which waits for the first instance. Throws Problem like
  /// Library::load.
  static std::shared_ptr<const WorkerLibrary> open(std::shared_ptr<WorkerHouse> house,
                                                   std::shared_ptr<DeadlineWatch> watch,
                                                   const Package& package);
  ~WorkerLibrary() override;

  std::string_view home() const noexcept override { return "worker"; }
  /// What its constructors tried, in the worker of open(), and the sandbox refused: a system call, or "".
  const std::string& deniedWhileLoaded() const noexcept { return _denied; }
  const Manifest& manifest() const noexcept { return _manifest; }
  const std::string& digest() const noexcept { return _credentials.digest; }
  WorkerHouse& house() const noexcept { return *_house; }
  CrashLoop& crashes() const noexcept { return *_crashes; }
  std::string refusal() const { return _house->refusal(_credentials); }

  /// A worker for one instance, in which nothing was made yet: the first one is that of open(), if it was
  /// kept. Throws Problem, also where the package may not run any more.
  std::shared_ptr<WorkerProcess> start(std::weak_ptr<WorkerOwner> owner,
                                       std::chrono::milliseconds patience) const;
  /// Ends the worker of open() where no instance has taken it.
  void letGoOfSpare() const;

 private:
  WorkerLibrary(std::shared_ptr<WorkerHouse> house, std::shared_ptr<DeadlineWatch> watch,
                const Package& package);
  void probe();
  std::shared_ptr<WorkerProcess> fresh(std::weak_ptr<WorkerOwner> owner,
                                       std::chrono::milliseconds patience) const;

  std::shared_ptr<WorkerHouse> _house;
  std::shared_ptr<DeadlineWatch> _watch;
  Manifest _manifest;
  Credentials _credentials;
  int _bytes = -1;  ///< sealed
  std::string _id, _version, _denied;
  dispatch_plugin_v1 _stubs{};
  std::shared_ptr<CrashLoop> _crashes;
  mutable std::mutex _spareMutex;
  mutable std::shared_ptr<WorkerProcess> _spare;  ///< has loaded the library, and nothing else
};

}  // namespace dispatch::plugin
