#pragma once

#include "plugin/call/call_seats.hpp"
#include "plugin/call/call_statistics.hpp"
#include "plugin/call/circuit_breaker.hpp"
#include "plugin/call/contracts.hpp"
#include "plugin/call/flight_recorder.hpp"
#include "plugin/library.hpp"
#include "plugin/package/ledger.hpp"
#include "plugin/service/service_context.hpp"
#include "plugin/worker/worker_library.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// What all instances of a catalog share; lives as long as the last of them.
struct Runtime {
  explicit Runtime(const std::string& contractsDirectory) : contracts(contractsDirectory) {}
  Contracts contracts;
  std::shared_ptr<DeadlineWatch> watch = std::make_shared<DeadlineWatch>();
  std::shared_ptr<WorkerHouse> workers;      ///< null: this host has no worker program
  std::unique_ptr<FlightRecorder> recorder;  ///< null: no record is kept
  std::shared_ptr<Ledger> ledger;            ///< null: nothing is remembered of what served
  TrustSource trust;
  /// Why this package may not be started now; "": it may.
  std::string refusal(const Credentials& credentials) const {
    return workers ? workers->refusal(credentials) : refusalNow(credentials, trust);
  }
};

/// A function that lives as long as the expression it is passed in. Costs no allocation.
template <class Signature>
class FunctionRef;
template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  template <class Function>
  FunctionRef(Function&& function) noexcept  // implicit: it stands for a parameter type
      : _object(const_cast<void*>(static_cast<const void*>(&function))),
        _call([](void* object, Arguments... arguments) -> Result {
          return (*static_cast<std::remove_reference_t<Function>*>(object))(arguments...);
        }) {}
  Result operator()(Arguments... arguments) const { return _call(_object, arguments...); }

 private:
  void* _object;
  Result (*_call)(void*, Arguments...);
};

/// An instance over a library in either home. In the host's own process it is fast, and trusted - deadlines
/// are a promise of the plugin there, and a crash takes the host along (FlightRecorder then knows whose it
/// was). In a worker the library's functions are stubs (IsolatedPlugin), deadlines hold, and a crash is a
/// failed call. Everything else is the same code.
class ProcessInstance final : public Instance {
 public:
  struct Parts {
    std::shared_ptr<Runtime> runtime;
    std::shared_ptr<const Library> library;
    Manifest manifest;
    Scope scope;
    std::vector<Allowance> allowances;
    std::vector<Command> commands = {};
    std::shared_ptr<HttpNetwork> http = {};
    Credentials credentials = {};
  };
  /// Runs the plugin's create. Throws Problem with the plugin's sentence where that fails.
  ProcessInstance(Parts parts, Outside& outside, const Configuration& configuration);
  ~ProcessInstance() override;

  const Manifest& manifest() const override { return _parts.manifest; }
  const Scope& scope() const override { return _parts.scope; }
  std::string home() const override { return std::string(_parts.library->home()); }
  Worker worker() const override;
  std::string refusal() const override { return _parts.runtime->refusal(_parts.credentials); }

  Outcome start() override;
  Outcome reconfigure(Configuration configuration) override;
  void drainAndStop() override;

  std::vector<Method> methods() const override;
  bool has(std::string_view interfaceId) const override;
  JsonOutcome invoke(const std::string& method, const Json& input, const CallOptions& options) override;
  JsonOutcome test(const Json& input, const CallOptions& options) override;
  JsonOutcome describeAuth(const CallOptions& options) override;
  JsonOutcome authenticate(const Json& request, const CallOptions& options) override;
  SecretOutcome decrypt(const std::string& name, const std::string& stored,
                        const CallOptions& options) override;
  JsonOutcome encrypt(const std::string& name, std::string_view plaintext,
                      const CallOptions& options) override;
  TextOutcome identifyWebhook(const WebhookRequest& request, const CallOptions& options) override;
  WebhookOutcome receiveWebhook(const WebhookRequest& request, const CallOptions& options) override;
  Statistics statistics() const override;
  PollOutcome poll(const std::string& cursor, const CallOptions& options) override;
  std::vector<Outbound> outbound() const override;
  std::vector<Metric> metrics() const override;

 private:
  enum class State { created, started, draining, stopped };

  /// Enters the plugin; answers its status.
  using Enter = FunctionRef<dispatch_status(HostCall&)>;
  /// Reads what it answered, at `out` where it came by complete(); a sentence says what is wrong with it.
  using Take = FunctionRef<std::optional<std::string>(HostCall&, const void* out)>;

  Outcome run(std::string_view method, Effect effect, const CallOptions& options, Enter enter, Take take);
  /// `end`: what the call says of the plugin; as it was where the plugin was not asked.
  Outcome runInTurn(std::string_view method, Effect effect, const CallOptions& options, Enter enter,
                    Take take, CircuitBreaker::End& end);
  Outcome runInSeat(int seat, std::string_view method, Effect effect, const CallOptions& options,
                    std::uint64_t timeoutNs, std::uint64_t startedNs, Enter enter, Take take);
  Outcome control(std::string_view method, Enter enter);
  Outcome outcomeOf(HostCall& call, std::string_view method, dispatch_status status) const;
  Outcome refused(dispatch_status status, const std::string& message, std::uint32_t retryAfterMs = 0) const;
  /// A refusal where the breaker is open.
  std::optional<Outcome> brokenOff(std::string_view method, bool insist);
  std::uint64_t timeoutNs(std::string_view method, const CallOptions& options) const;
  std::string nameText() const;
  FlightRecorder* recorder() const noexcept;
  FlightRecorder::Flight::Call flightOf(std::string_view method, std::uint64_t requestId) const noexcept;

  /// The plugin's table of an interface; nullptr if it has none.
  const void* interfaceTable(std::string_view id) const noexcept;
  template <class Table>
  const Table* interface(const char* id) const noexcept {
    const auto* table = static_cast<const Table*>(interfaceTable(id));
    return DISPATCH_REACHES(table, Table, struct_size) ? table : nullptr;
  }
  void readMethods();
  std::optional<Method> methodNamed(std::string_view name) const;
  /// A JSON answer of a function whose `out` is a dispatch_str.
  JsonOutcome runForJson(std::string_view method, Effect effect, const CallOptions& options,
                         FunctionRef<dispatch_status(HostCall&, dispatch_str*)> enter,
                         FunctionRef<std::optional<std::string>(const Json&)> check);
  std::optional<std::string> readIdentity(HostCall& call, const dispatch_auth_result& result,
                                          Json& value) const;

  Parts _parts;
  std::unique_ptr<ServiceContext> _context;
  std::unique_ptr<CallSeats> _seats;
  CallStatistics _statistics;
  CircuitBreaker _breaker;
  dispatch_instance* _instance = nullptr;
  std::atomic<State> _state{State::created};
  std::mutex _controlMutex;
  Configuration _configuration;  ///< in force; under _controlMutex
  mutable std::mutex _methodsMutex;
  std::vector<Method> _methods;
};

/// What dispatch_str a plugin answered: nothing, or bytes in its call's arena. A sentence where it is
/// neither.
std::optional<std::string> checkAnswer(const HostCall& call, dispatch_str answer, const char* what);

}  // namespace dispatch::plugin
