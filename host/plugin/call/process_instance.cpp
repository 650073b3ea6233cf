#include "plugin/call/process_instance.hpp"

#include "base/problem.hpp"
#include "plugin/service/service_support.hpp"
#include "plugin/worker/isolated_plugin.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

constexpr std::size_t maxSentenceBytes = 2000;
constexpr std::uint64_t drainGraceNs = 5'000'000'000;   // for calls under way to end by themselves
constexpr std::uint64_t cancelGraceNs = 2'000'000'000;  // and once they were cancelled
constexpr std::uint64_t overshootNs = 100'000'000;
constexpr std::uint64_t shortestHoldNs =
    1'000'000'000;  // a call that was given up keeps its turn for its timeout again

std::uint64_t nextRequestId() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

bool isKnownFailure(dispatch_status status) {
  return status <= DISPATCH_ERR_INVALID && status >= DISPATCH_ERR_LIMIT;
}

const char* describe(dispatch_status status) {
  switch (status) {
    case DISPATCH_ERR_INVALID:
      return "the input or the configuration can never work";
    case DISPATCH_ERR_UNAVAILABLE:
      return "something it needs is not available now";
    case DISPATCH_ERR_DENIED:
      return "credentials or permissions are not enough";
    case DISPATCH_ERR_NOT_FOUND:
      return "something was not found";
    case DISPATCH_ERR_TIMEOUT:
      return "the deadline passed";
    case DISPATCH_ERR_CANCELLED:
      return "it was cancelled";
    case DISPATCH_ERR_UNSUPPORTED:
      return "it does not support this";
    case DISPATCH_ERR_UNCERTAIN:
      return "the effect may have happened, but no answer came";
    case DISPATCH_ERR_LIMIT:
      return "a limit was reached";
    default:
      return "a defect of the plugin";
  }
}

CircuitBreaker::End whatItSays(const Outcome& outcome) {
  if (outcome.status == DISPATCH_ERR_CANCELLED) return CircuitBreaker::End::saysNothing;
  return outcome.againstPlugin() ? CircuitBreaker::End::bad : CircuitBreaker::End::good;
}

/// Cancels a call when its caller's token is cancelled.
class CancelLink {
 public:
  CancelLink(std::shared_ptr<Cancellation> cancellation, HostCall& call)
      : _cancellation(std::move(cancellation)) {
    if (_cancellation) _id = _cancellation->attach([&call] { call.cancel(DISPATCH_ERR_CANCELLED); });
  }
  ~CancelLink() {
    if (_cancellation) _cancellation->detach(_id);
  }
  CancelLink(const CancelLink&) = delete;
  CancelLink& operator=(const CancelLink&) = delete;

 private:
  std::shared_ptr<Cancellation> _cancellation;
  std::uint64_t _id = 0;
};

}  // namespace

std::optional<std::string> checkAnswer(const HostCall& call, dispatch_str answer, const char* what) {
  if (answer.len == 0) return std::nullopt;
  if (answer.ptr == nullptr)
    return std::string(what) + " is NULL with a length of " + std::to_string(answer.len);
  if (answer.len > Arena::defaultLimit)
    return std::string(what) + " claims " + std::to_string(answer.len) + " bytes; the most is " +
           std::to_string(Arena::defaultLimit);
  if (!call.arena().owns(answer.ptr, answer.len))
    return std::string(what) + " is not in the memory of its call (dispatch_call.alloc)";
  return std::nullopt;
}

ProcessInstance::ProcessInstance(Parts parts, Outside& outside, const Configuration& configuration)
    : _parts(std::move(parts)),
      _context(std::make_unique<ServiceContext>(_parts.manifest, _parts.scope, outside, _parts.allowances,
                                                _parts.commands)),
      _seats(std::make_unique<CallSeats>(
          _parts.manifest.maxConcurrency, _parts.manifest.id, _context->logger(),
          [context = _context.get()](std::string_view text) {
            return oneLine(context->secrets().blot(text), maxSentenceBytes);
          },
          *_parts.runtime->watch)) {
  _configuration = configuration;
  _context->configure(configuration);
  _context->setHttpNetwork(_parts.http);
  _context->setLibrary(_parts.library);
  _context->denials().watchWith(*_parts.runtime->watch);
  const auto json = dumpJson(configuration.value);
  dispatch_instance* made = nullptr;
  const auto outcome = control("create", [&](HostCall& call) {
    const auto status =
        _parts.library->table().create(_context->host(), call.abi(), {json.data(), json.size()}, &made);
    if (status == DISPATCH_PENDING)
      return call.fail(DISPATCH_ERR_INTERNAL, "create answered \"pending\", which it may not", 0);
    if (status == DISPATCH_OK && made == nullptr)
      return call.fail(DISPATCH_ERR_INTERNAL, "create answered OK without an instance", 0);
    return status;
  });
  if (!outcome.ok()) {
    const auto kind = outcome.status == DISPATCH_ERR_UNAVAILABLE || outcome.status == DISPATCH_ERR_TIMEOUT
                          ? Problem::Kind::unavailable
                          : Problem::Kind::invalid;
    throw Problem(kind, outcome.message).withType("plugin_create");
  }
  _instance = made;
  try {
    readMethods();
  } catch (...) {
    _parts.library->table().destroy(_instance);
    throw;
  }
}

namespace {

/// Never freed, not at the program's end either.
void keepForGood(std::unique_ptr<CallSeats> seats) {
  static std::mutex mutex;
  static auto& kept = *new std::vector<std::unique_ptr<CallSeats>>;
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(seats));
}

}  // namespace

ProcessInstance::~ProcessInstance() {
  drainAndStop();
  try {
    if (_instance != nullptr) {
      const FlightRecorder::Flight flight(recorder(), flightOf("destroy", 0));
      _parts.library->table().destroy(_instance);
    }
  } catch (...) {
    _context->logger().error("Plugin " + nameText() + " let an exception out of destroy.");
  }
  if (_seats->abandoned() == 0) return;
  // A plugin that never completed a call may still do so, though no thread of it should run: these few bytes
  // stay for it.
  _seats->orphan();
  keepForGood(std::move(_seats));
}

/// A crash in a worker does not take the host along: whose call that was is known without a record.
FlightRecorder* ProcessInstance::recorder() const noexcept {
  return _parts.library->home() == "worker" ? nullptr : _parts.runtime->recorder.get();
}

FlightRecorder::Flight::Call ProcessInstance::flightOf(std::string_view method,
                                                       std::uint64_t requestId) const noexcept {
  return {_parts.manifest.id, _parts.manifest.version, _parts.library->buildId(), method, requestId};
}

Instance::Worker ProcessInstance::worker() const {
  return _parts.library->home() == "worker" && _instance != nullptr ? IsolatedPlugin::of(_instance).status()
                                                                    : Worker();
}

std::string ProcessInstance::nameText() const { return _parts.manifest.id + " " + _parts.manifest.version; }

std::uint64_t ProcessInstance::timeoutNs(std::string_view method, const CallOptions& options) const {
  const auto named = _parts.manifest.timeouts.find(std::string(method));
  auto timeout = named == _parts.manifest.timeouts.end() ? _parts.manifest.timeout : named->second;
  if (options.timeout.count() > 0) timeout = std::min(timeout, options.timeout);
  return static_cast<std::uint64_t>(timeout.count()) * 1'000'000;
}

Outcome ProcessInstance::refused(dispatch_status status, const std::string& message,
                                 std::uint32_t retryAfterMs) const {
  Outcome outcome;
  outcome.status = status;
  outcome.message = message;
  outcome.retryAfterMs = retryAfterMs;
  return outcome;
}

std::optional<Outcome> ProcessInstance::brokenOff(std::string_view method, bool insist) {
  const auto left = _breaker.refuses(monotonicNs(), insist);
  if (!left) return std::nullopt;
  const auto before = _statistics.read();
  return refused(DISPATCH_ERR_UNAVAILABLE,
                 "Plugin " + nameText() + " was not asked for " + std::string(method) +
                     ": its last calls failed one after the other, the last one with \"" +
                     oneLine(before.lastError, 300) + "\". It is asked again in " +
                     std::to_string((left->count() + 999) / 1000) + " s.",
                 static_cast<std::uint32_t>(left->count()));
}

Instance::Statistics ProcessInstance::statistics() const {
  auto statistics = _statistics.read();
  const auto breaker = _breaker.read(monotonicNs());
  if (breaker.state == CircuitBreaker::State::closed) return statistics;
  statistics.breaker = breaker.state == CircuitBreaker::State::open ? "open" : "probing";
  statistics.breakerUntil = toText(now() + breaker.left);
  return statistics;
}

Outcome ProcessInstance::outcomeOf(HostCall& call, std::string_view method, dispatch_status status) const {
  Outcome outcome;
  outcome.status = isKnownFailure(status) ? status : DISPATCH_ERR_INTERNAL;
  outcome.message = call.message();
  outcome.retryAfterMs = outcome.message.empty() ? 0 : call.retryAfterMs();
  if (!isKnownFailure(status))
    outcome.message = "Plugin " + nameText() + " answered " + std::string(method) +
                      " with the unknown status " + std::to_string(status) +
                      (outcome.message.empty() ? "." : ": " + outcome.message);
  else if (outcome.message.empty())
    outcome.message = "Plugin " + nameText() + " failed in " + std::string(method) + " without saying why (" +
                      describe(status) + ").";
  return outcome;
}

Outcome ProcessInstance::runInSeat(int seat, std::string_view method, Effect effect,
                                   const CallOptions& options, std::uint64_t timeoutNs,
                                   std::uint64_t startedNs, Enter enter, Take take) {
  auto& call = _seats->at(seat);
  HostCall::Start begin;
  begin.requestId = nextRequestId();
  begin.deadlineNs = startedNs + timeoutNs;
  begin.idempotencyKey = options.idempotencyKey;
  begin.method = method;
  begin.traceId = options.traceId.data();
  begin.spanId = options.spanId.data();
  call.begin(begin);
  _parts.runtime->watch->called();
  bool pending = false;
  std::optional<Outcome> given;
  dispatch_status status = DISPATCH_ERR_INTERNAL;
  const void* out = nullptr;
  {
    const FlightRecorder::Flight flight(recorder(), flightOf(method, begin.requestId));
    const CancelLink link(options.cancellation, call);
    try {
      status = enter(call);
    } catch (...) {
      status = call.fail(DISPATCH_ERR_INTERNAL, "it let an exception cross the plugin boundary", 0);
    }
    if (status == DISPATCH_PENDING) {
      pending = true;
      const auto answer = call.await();
      status = answer.status;
      out = answer.out;
      if (!answer.given) {
        auto outcome = refused(status, "Plugin " + nameText() + " did not answer " + std::string(method) +
                                           " within " + std::to_string(timeoutNs / 1'000'000) + " ms.");
        if (status == DISPATCH_ERR_CANCELLED)
          outcome.message = "The call of " + std::string(method) + " of plugin " + nameText() +
                            " was cancelled, and the plugin did not say how far it came.";
        given = std::move(outcome);
      } else if (status == DISPATCH_PENDING) {
        status = call.fail(DISPATCH_ERR_INTERNAL, "it completed a call with \"pending\"", 0);
      }
    }
  }
  if (given) {
    _seats->abandon(seat, monotonicNs() + std::max(timeoutNs, shortestHoldNs));
    return *given;
  }
  call.end();
  if (const auto now = monotonicNs(); now > begin.deadlineNs + overshootNs)
    _context->logger().warning("Plugin " + nameText() + " ran " + std::string(method) + " (request " +
                               std::to_string(begin.requestId) + ") " +
                               std::to_string((now - begin.deadlineNs) / 1'000'000) +
                               " ms past its deadline.");
  Outcome outcome;
  if (status == DISPATCH_OK) {
    outcome.status = DISPATCH_OK;
    if (auto wrong = take(call, out)) {
      // It said that it succeeded: with an effect that cannot be looked up or repeated, a defective answer is
      // no reason to repeat it.
      const bool harmless = effect == Effect::read || effect == Effect::idempotent;
      outcome.status = harmless ? DISPATCH_ERR_INTERNAL : DISPATCH_ERR_UNCERTAIN;
      outcome.message = "Plugin " + nameText() + " answered " + std::string(method) + ", but " + *wrong + ".";
    }
  } else {
    outcome = outcomeOf(call, method, status);
  }
  _seats->give(seat, pending);
  return outcome;
}

Outcome ProcessInstance::runInTurn(std::string_view method, Effect effect, const CallOptions& options,
                                   Enter enter, Take take, CircuitBreaker::End& end) {
  if (_state != State::started)
    return refused(DISPATCH_ERR_UNAVAILABLE, "Plugin " + nameText() + " is not running.");
  const auto startedNs = monotonicNs();
  const auto timeout = timeoutNs(method, options);
  if (_seats->crowded())
    return refused(DISPATCH_ERR_UNAVAILABLE,
                   "Plugin " + nameText() + " is busy: " + std::to_string(CallSeats::mostWaiting) +
                       " calls wait for their turn already. Nothing happened.",
                   1000);
  const int seat = _seats->take(startedNs + timeout, options.cancellation);
  if (seat < 0) {
    if (options.cancellation && options.cancellation->cancelled())
      return refused(DISPATCH_ERR_UNAVAILABLE,
                     "Cancelled before " + std::string(method) + " was called; nothing happened.");
    if (_seats->closed())
      return refused(DISPATCH_ERR_UNAVAILABLE, "Plugin " + nameText() + " is being stopped.");
    return refused(DISPATCH_ERR_UNAVAILABLE, "Plugin " + nameText() + " is busy: all " +
                                                 std::to_string(_parts.manifest.maxConcurrency) +
                                                 " calls that it may have at once were taken for " +
                                                 std::to_string(timeout / 1'000'000) +
                                                 " ms. Nothing happened.");
  }
  auto outcome = runInSeat(seat, method, effect, options, timeout, startedNs, enter, take);
  end = whatItSays(outcome);
  return outcome;
}

Outcome ProcessInstance::run(std::string_view method, Effect effect, const CallOptions& options, Enter enter,
                             Take take) {
  if (auto refusal = brokenOff(method, options.insist)) return *refusal;
  const auto startedNs = monotonicNs();
  _statistics.began();
  // Also where it found no turn: a probe that was let through must end, or none ever passes again.
  auto end = CircuitBreaker::End::saysNothing;
  auto outcome = runInTurn(method, effect, options, enter, take, end);
  const auto endedNs = monotonicNs();
  _statistics.ended(endedNs - startedNs, outcome);
  if (_breaker.ended(end, endedNs))
    _context->logger().error(
        "Plugin " + nameText() +
        " is not asked for a while, because its calls failed one after the other. The last one: " +
        outcome.message);
  return outcome;
}

Outcome ProcessInstance::control(std::string_view method, Enter enter) {
  auto outcome =
      runInSeat(_seats->controlSeat(), method, Effect::idempotent, {}, timeoutNs(method, {}), monotonicNs(),
                enter, [](HostCall&, const void*) { return std::optional<std::string>(); });
  if (!outcome.ok()) _statistics.noteError(outcome.message);
  return outcome;
}

Outcome ProcessInstance::start() {
  const std::lock_guard lock(_controlMutex);
  Outcome outcome;
  outcome.status = DISPATCH_OK;
  if (_state == State::started) return outcome;
  if (_state == State::draining)
    return refused(DISPATCH_ERR_UNAVAILABLE, "Plugin " + nameText() + " is being stopped.");
  const auto* table = &_parts.library->table();
  if (DISPATCH_HAS(table, dispatch_plugin_v1, start))
    outcome = control("start", [&](HostCall& call) { return table->start(_instance, call.abi()); });
  if (!outcome.ok()) return outcome;
  _seats->open();
  _state = State::started;
  if (_parts.runtime->ledger) _parts.runtime->ledger->served(_parts.manifest.id, _parts.manifest.version);
  return outcome;
}

Outcome ProcessInstance::reconfigure(Configuration configuration) {
  const std::lock_guard lock(_controlMutex);
  const auto* table = &_parts.library->table();
  if (!DISPATCH_HAS(table, dispatch_plugin_v1, reconfigure))
    return refused(
        DISPATCH_ERR_UNSUPPORTED,
        "Plugin " + nameText() + " cannot take on another configuration while it runs; make a new instance.");
  if (_state != State::created && _state != State::started)
    return refused(DISPATCH_ERR_UNAVAILABLE, "Plugin " + nameText() + " is not running.");
  // Both at once: what the plugin does with the new configuration needs its secrets, and calls under way need
  // the old ones.
  _context->configure(configuration);
  const auto json = dumpJson(configuration.value);
  auto outcome = control("reconfigure", [&](HostCall& call) {
    return table->reconfigure(_instance, call.abi(), {json.data(), json.size()}, configuration.revision);
  });
  if (!outcome.ok()) {
    _context->configure(_configuration);
    return outcome;
  }
  _configuration = std::move(configuration);
  _breaker.reset();
  try {
    readMethods();
  } catch (const Problem& problem) {
    return refused(DISPATCH_ERR_INTERNAL, problem.what());
  }
  return outcome;
}

void ProcessInstance::drainAndStop() {
  const std::lock_guard lock(_controlMutex);
  if (_state != State::started) return;
  _state = State::draining;
  _seats->close();
  const auto* table = &_parts.library->table();
  auto& logger = _context->logger();
  const auto step = [&](const char* name, auto function) {
    if (function == nullptr) return;
    const auto outcome = control(name, [&](HostCall& call) { return function(_instance, call.abi()); });
    if (!outcome.ok()) logger.warning("Plugin " + nameText() + ", " + name + ": " + outcome.message);
  };
  step("drain", DISPATCH_HAS(table, dispatch_plugin_v1, drain) ? table->drain : nullptr);
  if (!_seats->waitIdle(monotonicNs() + drainGraceNs)) {
    _seats->cancelAll(DISPATCH_ERR_CANCELLED);
    if (!_seats->waitIdle(monotonicNs() + cancelGraceNs))
      logger.error("Plugin " + nameText() +
                   " is stopped with calls that do not end although they were cancelled.");
  }
  step("stop", DISPATCH_HAS(table, dispatch_plugin_v1, stop) ? table->stop : nullptr);
  _state = State::stopped;
}

std::vector<Instance::Outbound> ProcessInstance::outbound() const { return _context->outbound().list(); }
std::vector<Metric> ProcessInstance::metrics() const { return _context->metrics().list(); }

}  // namespace dispatch::plugin
