#pragma once

#include "plugin/call/host_call.hpp"
#include "plugin/instance.hpp"
#include "plugin/service/service_context.hpp"
#include "plugin/worker/worker_lane.hpp"
#include "plugin/worker/worker_library.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace dispatch::plugin {

/// One instance of a plugin that lives in a worker: what stands behind the dispatch_instance that
/// WorkerLibrary's stubs are called with. Outlives its workers: when one ends, the next call finds another
/// with the same configuration.
class IsolatedPlugin final : public WorkerOwner, public std::enable_shared_from_this<IsolatedPlugin> {
 public:
  /// Starts a worker and makes the instance in it. A failure's sentence is with the call.
  static dispatch_status create(const dispatch_host* host, const dispatch_call* call,
                                dispatch_str configuration, dispatch_instance** out) noexcept;
  static void destroy(dispatch_instance* instance) noexcept;
  static const void* interfaceOf(dispatch_instance* instance, dispatch_str id) noexcept;
  static IsolatedPlugin& of(dispatch_instance* instance) noexcept;

  using Send = WorkerLane::Send;
  using Receive = WorkerLane::Receive;
  /// One function of the plugin. `repeatable`: if the worker ends meanwhile, it is asked once more of a fresh
  /// one.
  dispatch_status call(std::uint32_t function, const dispatch_call* call, bool repeatable,
                       const std::function<void(wire::Writer&, wire::Peer&)>& send,
                       const std::function<void(wire::Reader&, wire::Peer&)>& receive) noexcept;
  bool repeats(dispatch_str method) const;  ///< by the method's effect

  // The life of the instance, remembered for the next worker.
  dispatch_status start(const dispatch_call* call) noexcept;
  dispatch_status reconfigure(const dispatch_call* call, dispatch_str configuration,
                              std::uint64_t revision) noexcept;
  dispatch_status stop(const dispatch_call* call) noexcept;

  Instance::Worker status() const;

  // WorkerOwner
  void workerLogged(std::uint32_t level, std::string_view text) noexcept override;
  void workerMisbehaved(std::uint64_t request, std::string_view text) noexcept override;
  void workerWasDenied(const WorkerDenial& denial) noexcept override;
  void workerClosedStream(std::uint64_t number) noexcept override;
  void workerMeasured(std::string_view nameAndLabels, double value) noexcept override;
  void workerWrote(std::string_view text) noexcept override;
  void workerEnded() noexcept override;

 private:
  IsolatedPlugin(std::shared_ptr<const WorkerLibrary> library, ServiceContext& context);

  struct Attempt {
    bool answered = false, sent = false;
    dispatch_status status = DISPATCH_ERR_INTERNAL;
  };
  Attempt attempt(WorkerProcess& process, HostCall& call, std::uint32_t function,
                  const std::function<void(wire::Writer&, wire::Peer&)>& send,
                  const std::function<void(wire::Reader&, wire::Peer&)>& receive);
  /// The worker in service; starts one if there is none. Throws Problem(unavailable).
  std::shared_ptr<WorkerProcess> serving(HostCall& call);
  dispatch_status createIn(WorkerProcess& process, HostCall& call);
  void readShape(wire::Reader& reader);
  /// What became of a worker that ended: counts, records, and says it in a sentence.
  /// `call`: under which; nullptr = between two calls.
  std::string buried(WorkerProcess& process, const HostCall* call, std::uint32_t function);
  /// The same for the one in service, if it has ended and no call will say so.
  void buryIdle();
  /// The worker is not listened to any more: `_context` is about to go.
  void silence() noexcept;
  void record(const std::string& how, const std::optional<WorkerEnd>& end, const HostCall* call,
              std::uint32_t function) const;
  std::string name() const;
  std::uint64_t grantedServices() const;

  /// What get_interface answers: never taken back while the instance lives.
  struct Shape {
    wire::FunctionSet functions = 0;
    std::uint64_t interfaces = 0;
    std::deque<std::string> names;
    std::deque<dispatch_method> methods;
    std::vector<const dispatch_method*> pointers;
    wire::InterfaceTables tables{};
  };

  std::shared_ptr<const WorkerLibrary> _library;
  ServiceContext& _context;
  WorkerStreams _streams;

  std::recursive_mutex _life;  ///< start, restart and what they remember
  std::string _configuration;
  bool _started = false;

  std::mutex _hearing;  ///< the keeper's thread is in here; the instance ends when it is not
  bool _gone = false;

  mutable std::mutex _mutex;
  std::shared_ptr<WorkerProcess> _process;
  std::deque<Shape> _shapes;  ///< the last one counts
  int _buried = -1;           ///< the last process whose end was counted
  std::uint64_t _restarts = 0, _denied = 0;
  std::string _lastCrash, _lastCrashAt, _lastDenied;
};

}  // namespace dispatch::plugin
