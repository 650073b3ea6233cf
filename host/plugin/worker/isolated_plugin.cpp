#include "plugin/worker/isolated_plugin.hpp"

#include "base/problem.hpp"
#include "base/time.hpp"
#include "plugin/service/service_support.hpp"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <fstream>

namespace dispatch::plugin {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t deadlineGraceNs =
    100'000'000;  // to answer after being told, as in the host's own process
constexpr std::uint64_t cancelGraceNs = 1'000'000'000;
constexpr std::size_t maxOutputBytes = 2000;

struct Holder {
  std::shared_ptr<IsolatedPlugin> plugin;
};

Holder* holderOf(dispatch_instance* instance) noexcept { return reinterpret_cast<Holder*>(instance); }

const char* functionName(std::uint32_t function) {
  static constexpr const char* names[] = {"start",    "reconfigure", "drain",        "stop",    "a method",
                                          "test",     "describe",    "authenticate", "decrypt", "encrypt",
                                          "identify", "receive",     "poll"};
  return function == wire::createFunction ? "create"
         : function < std::size(names)    ? names[function]
                                          : "a function";
}

}  // namespace

IsolatedPlugin::IsolatedPlugin(std::shared_ptr<const WorkerLibrary> library, ServiceContext& context)
    : _library(std::move(library)), _context(context) {}

IsolatedPlugin& IsolatedPlugin::of(dispatch_instance* instance) noexcept {
  return *holderOf(instance)->plugin;
}

std::string IsolatedPlugin::name() const {
  return _library->manifest().id + ' ' + _library->manifest().version;
}

std::uint64_t IsolatedPlugin::grantedServices() const {
  std::uint64_t granted = 0;
  for (const auto id : wire::serviceIds)
    if (serviceGranted(_context.manifest(), id)) granted |= wire::serviceBit(id);
  return granted;
}

dispatch_status IsolatedPlugin::create(const dispatch_host* host, const dispatch_call* call,
                                       dispatch_str configuration, dispatch_instance** out) noexcept {
  auto& hostCall = *HostCall::of(call);
  try {
    auto& context = ServiceContext::of(host);
    auto library = std::dynamic_pointer_cast<const WorkerLibrary>(context.library());
    if (!library) return hostCall.fail(DISPATCH_ERR_INTERNAL, "its library is not one of a worker", 0);
    std::shared_ptr<IsolatedPlugin> made(new IsolatedPlugin(std::move(library), context));
    made->_configuration.assign(configuration.ptr, configuration.len);
    // If it fails, the services' side goes at once, and the keeper's thread may be about to use it.
    const auto silent = [](IsolatedPlugin* plugin) { plugin->silence(); };
    std::unique_ptr<IsolatedPlugin, decltype(silent)> unfinished(made.get(), silent);
    const std::lock_guard life(made->_life);
    auto process = made->_library->start(made->weak_from_this(), 10s);
    const auto status = made->createIn(*process, hostCall);
    if (status != DISPATCH_OK) return status;
    made->_process = std::move(process);
    unfinished.release();
    *out = reinterpret_cast<dispatch_instance*>(new Holder{std::move(made)});
    return DISPATCH_OK;
  } catch (const Problem& problem) {
    return hostCall.fail(statusOf(problem.kind()), problem.what(), problem.retryAfterMs());
  } catch (const std::exception& error) {
    return hostCall.fail(DISPATCH_ERR_INTERNAL, error.what(), 0);
  }
}

void IsolatedPlugin::silence() noexcept {
  const std::lock_guard hearing(_hearing);
  _gone = true;
}

void IsolatedPlugin::destroy(dispatch_instance* instance) noexcept {
  auto* holder = holderOf(instance);
  if (holder == nullptr) return;
  holder->plugin->silence();
  {
    const std::lock_guard lock(holder->plugin->_mutex);
    if (holder->plugin->_process) holder->plugin->_process->kill("its instance ended");
  }
  holder->plugin->_streams.closeAll();
  delete holder;
}

dispatch_status IsolatedPlugin::createIn(WorkerProcess& process, HostCall& call) {
  const auto result = attempt(
      process, call, wire::createFunction,
      [&](wire::Writer& writer, wire::Peer&) {
        writer.word(grantedServices());
        writer.text(std::string_view(_configuration));
      },
      [&](wire::Reader& reader, wire::Peer&) { readShape(reader); });
  if (result.answered) return result.status;
  const auto sentence = buried(process, &call, wire::createFunction);
  return call.fail(call.cancelled() ? call.cancelReason() : DISPATCH_ERR_UNAVAILABLE, sentence, 0);
}

void IsolatedPlugin::readShape(wire::Reader& reader) {
  Shape shape;
  shape.interfaces = reader.word();
  shape.functions = reader.word();
  const auto count = reader.half();
  const bool readable = reader.word() != 0;
  if (readable && count > 100'000) return reader.refuse();
  for (std::uint32_t i = 0; readable && i < count && !reader.bad(); ++i) {
    if (reader.word() == 0) {
      shape.pointers.push_back(nullptr);
      continue;
    }
    dispatch_method method{};
    method.struct_size = sizeof method;
    method.effect = reader.half();
    method.contract_revision = reader.half();
    shape.names.emplace_back(reader.view());
    method.name = {shape.names.back().data(), shape.names.back().size()};
    shape.methods.push_back(method);
    shape.pointers.push_back(&shape.methods.back());
  }
  if (reader.bad()) return;
  const std::lock_guard lock(_mutex);
  _shapes.push_back(std::move(shape));
  auto& kept = _shapes.back();
  kept.tables = workerStubs();
  wire::PluginFunctions::each<bool>([&]<auto Member>() {
    using Table = typename wire::SignatureOf<Member>::Table;
    const bool there = (kept.functions & wire::bitOf<Member>) != 0;
    if constexpr (!std::is_same_v<Table, dispatch_plugin_v1>)
      if (!there) std::get<Table>(kept.tables).*Member = nullptr;
    return there;
  });
  auto& integration = std::get<dispatch_integration_1>(kept.tables);
  integration.method_count = count;
  integration.methods = readable ? kept.pointers.data() : nullptr;
}

const void* IsolatedPlugin::interfaceOf(dispatch_instance* instance, dispatch_str id) noexcept {
  auto& self = of(instance);
  const std::lock_guard lock(self._mutex);
  if (self._shapes.empty() || id.ptr == nullptr) return nullptr;
  const auto& shape = self._shapes.back();
  const std::string_view wanted(id.ptr, id.len);
  const void* found = nullptr;
  std::uint64_t bit = 1;  // the plugin's own table
  const auto look = [&]<class Table>(const Table& table) {
    bit <<= 1;
    if (wanted == wire::idOf<Table> && (shape.interfaces & bit) != 0) found = &table;
  };
  std::apply([&](const auto&... each) { (look(each), ...); }, shape.tables);
  return found;
}

bool IsolatedPlugin::repeats(dispatch_str method) const {
  const std::lock_guard lock(_mutex);
  if (_shapes.empty()) return false;
  const std::string_view wanted(method.ptr, method.len);
  for (const auto& one : _shapes.back().methods)
    if (std::string_view(one.name.ptr, one.name.len) == wanted)
      return one.effect == DISPATCH_EFFECT_READ || one.effect == DISPATCH_EFFECT_IDEMPOTENT;
  return false;
}

IsolatedPlugin::Attempt IsolatedPlugin::attempt(
    WorkerProcess& process, HostCall& call, std::uint32_t function,
    const std::function<void(wire::Writer&, wire::Peer&)>& send,
    const std::function<void(wire::Reader&, wire::Peer&)>& receive) {
  auto* lane = process.takeLane();
  if (lane == nullptr) {
    if (process.alive()) process.kill("it has no more lanes");
    return {};
  }
  const auto deadline = call.deadlineNs();
  process.killAt(*lane, deadline == 0 ? 0 : deadline + deadlineGraceNs);
  WorkerLane::Result result;
  {
    const HostCall::Hook hook(call, [&process, lane, &call] {
      process.cancel(*lane, call.requestId(), call.cancelReason(),
                     call.cancelReason() == DISPATCH_ERR_TIMEOUT ? deadlineGraceNs : cancelGraceNs);
    });
    result = lane->run(
        {call, _context, _streams}, function, [&](wire::Writer& writer) { send(writer, *lane); },
        [&](wire::Reader& reader) { receive(reader, *lane); });
  }
  if (result.answered)
    process.give(lane);
  else
    process.kill(result.nonsense ? "it does not speak the protocol" : "");
  return {result.answered, result.sent, result.status};
}

std::shared_ptr<WorkerProcess> IsolatedPlugin::serving(HostCall& call) {
  {
    const std::lock_guard lock(_mutex);
    if (_process && _process->alive()) return _process;
  }
  const std::lock_guard life(_life);
  {
    const std::lock_guard lock(_mutex);
    if (_process && _process->alive()) return _process;
  }
  buryIdle();
  // One that may not run at all is not waited for: start() says why.
  if (const auto wait = _library->crashes().waitMs(); wait > 0 && _library->refusal().empty())
    throw Problem(Problem::Kind::unavailable, "Plugin " + name() + " is started again in " +
                                                  std::to_string(wait) + " ms, because its worker ended " +
                                                  std::to_string(_library->crashes().total()) +
                                                  " times. Nothing happened.")
        .withRetryAfter(wait);
  const auto left =
      std::chrono::milliseconds(std::min<std::uint64_t>(call.remainingNs() / 1'000'000, 10'000));
  auto process = _library->start(weak_from_this(), left);
  auto status = createIn(*process, call);
  const auto* table = &_library->table();
  if (status == DISPATCH_OK && _started && table->start != nullptr) {
    const auto started = attempt(
        *process, call, wire::PluginFunctions::number<&dispatch_plugin_v1::start>(),
        [](wire::Writer&, wire::Peer&) {}, [](wire::Reader&, wire::Peer&) {});
    status = started.answered ? started.status : DISPATCH_ERR_UNAVAILABLE;
  }
  if (status != DISPATCH_OK)
    throw Problem(Problem::Kind::unavailable,
                  "Plugin " + name() + " could not be started again in another worker: " + call.message() +
                      " Nothing happened.");
  const std::lock_guard lock(_mutex);
  _process = std::move(process);
  ++_restarts;
  return _process;
}

void IsolatedPlugin::buryIdle() {
  std::shared_ptr<WorkerProcess> process;
  {
    const std::lock_guard lock(_mutex);
    if (!_process || _process->alive() || !_process->idle()) return;
    process.swap(_process);
  }
  buried(*process, nullptr, 0);
}

std::string IsolatedPlugin::buried(WorkerProcess& process, const HostCall* call, std::uint32_t function) {
  const auto end = process.awaitEnd(500ms);
  const auto because = process.killedBecause();
  const auto what = call == nullptr ? std::string("between calls")
                                    : "in " +
                                          (call->method().empty() ? std::string(functionName(function))
                                                                  : std::string(call->method())) +
                                          " (request " + std::to_string(call->requestId()) + ")";
  std::string how;
  if (!because.empty())
    how = "was ended " + what + ": " + because;
  else if (end && end->signal != 0)
    how = "crashed " + what + " by signal " + std::to_string(end->signal) + " (" + ::strsignal(end->signal) +
          ")";
  else if (end)
    how = "left " + what + " with exit code " + std::to_string(end->code);
  else
    how = "was lost " + what;
  bool first = false;
  {
    const std::lock_guard lock(_mutex);
    first = _buried != process.process();
    _buried = process.process();
    if (first) {
      _lastCrash = how;
      _lastCrashAt = nowText();
    }
  }
  if (first) {
    const auto wait = _library->crashes().crashed();
    _context.logger().error(
        "The worker of plugin " + name() + ' ' + how +
        ". The host and other plugins go on; it is "
        "started again " +
        (wait.count() == 0 ? std::string("at once") : "in " + std::to_string(wait.count()) + " ms") + '.');
    record(how, end, call, function);
    if (const auto verdict = _library->crashes().verdict(); !verdict.empty()) {
      _library->house().quarantine(_library->digest(), verdict);
      _context.logger().error("Plugin " + name() + " is put aside: " + verdict + '.');
      _context.outside().audit(_context.scope(), "plugin.quarantined",
                               {{"version", _library->manifest().version}, {"reason", verdict}});
    }
  }
  return "its worker " + how;
}

void IsolatedPlugin::record(const std::string& how, const std::optional<WorkerEnd>& end, const HostCall* call,
                            std::uint32_t function) const {
  const auto& directory = _library->house().crashDirectory;
  if (directory.empty()) return;
  const auto& manifest = _library->manifest();
  const Json json{{"at", nowText()},
                  {"plugin", manifest.id},
                  {"version", manifest.version},
                  {"digest", _library->digest()},
                  {"build", _library->buildInfo()},
                  {"build_id", _library->buildId()},
                  {"how", how},
                  {"signal", end ? end->signal : 0},
                  {"function", call == nullptr ? "" : functionName(function)},
                  {"method", call == nullptr ? std::string() : std::string(call->method())},
                  {"request", call == nullptr ? 0 : call->requestId()},
                  {"crashes", _library->crashes().total()}};
  std::ofstream file(directory + "/worker-" + manifest.id + ".json", std::ios::trunc);
  file << json.dump(2) << '\n';
}

dispatch_status IsolatedPlugin::call(
    std::uint32_t function, const dispatch_call* abi, bool repeatable,
    const std::function<void(wire::Writer&, wire::Peer&)>& send,
    const std::function<void(wire::Reader&, wire::Peer&)>& receive) noexcept {
  auto& call = *HostCall::of(abi);
  try {
    for (int tries = 0;; ++tries) {
      std::shared_ptr<WorkerProcess> process;
      try {
        process = serving(call);
      } catch (const Problem& problem) {
        return call.fail(DISPATCH_ERR_UNAVAILABLE, problem.what(), problem.retryAfterMs());
      }
      const auto result = attempt(*process, call, function, send, receive);
      if (result.answered) return result.status;
      const auto sentence = buried(*process, result.sent ? &call : nullptr, function);
      if (call.cancelled() || call.remainingNs() == 0) {
        const auto reason = call.cancelled() ? call.cancelReason() : DISPATCH_ERR_TIMEOUT;
        return call.fail(reason, "Plugin " + name() + " did not end in time, and " + sentence + '.', 0);
      }
      if (!result.sent) {
        if (tries < 2) continue;  // it ended between two calls: nothing happened yet
        return call.fail(DISPATCH_ERR_UNAVAILABLE,
                         "Plugin " + name() + ": " + sentence + ". Nothing happened.", 0);
      }
      if (repeatable && tries == 0) continue;
      return call.fail(repeatable ? DISPATCH_ERR_UNAVAILABLE : DISPATCH_ERR_UNCERTAIN,
                       "Plugin " + name() + ": " + sentence + '.', 0);
    }
  } catch (const std::exception& error) {
    return call.fail(DISPATCH_ERR_INTERNAL, error.what(), 0);
  }
}

dispatch_status IsolatedPlugin::start(const dispatch_call* abi) noexcept {
  const std::lock_guard life(_life);
  const auto status = call(
      wire::PluginFunctions::number<&dispatch_plugin_v1::start>(), abi, true,
      [](wire::Writer&, wire::Peer&) {}, [](wire::Reader&, wire::Peer&) {});
  if (status == DISPATCH_OK) _started = true;
  return status;
}

dispatch_status IsolatedPlugin::reconfigure(const dispatch_call* abi, dispatch_str configuration,
                                            std::uint64_t revision) noexcept {
  const std::lock_guard life(_life);
  const auto status = call(
      wire::PluginFunctions::number<&dispatch_plugin_v1::reconfigure>(), abi, true,
      [&](wire::Writer& writer, wire::Peer& peer) {
        wire::SignatureOf<&dispatch_plugin_v1::reconfigure>::send(writer, peer, configuration, revision);
      },
      [&](wire::Reader& reader, wire::Peer&) { readShape(reader); });
  if (status == DISPATCH_OK) _configuration.assign(configuration.ptr, configuration.len);
  return status;
}

dispatch_status IsolatedPlugin::stop(const dispatch_call* abi) noexcept {
  const std::lock_guard life(_life);
  _started = false;
  return call(
      wire::PluginFunctions::number<&dispatch_plugin_v1::stop>(), abi, true,
      [](wire::Writer&, wire::Peer&) {}, [](wire::Reader&, wire::Peer&) {});
}

Instance::Worker IsolatedPlugin::status() const {
  Instance::Worker worker;
  worker.isolated = true;
  const std::lock_guard lock(_mutex);
  if (_process && _process->alive()) {
    const auto& level = _process->hello().sandbox;
    worker.process = _process->process();
    worker.memoryBytes = _process->memoryBytes();
    worker.sandbox = level.seccomp == 0 ? "none" : "seccomp, two stages";
    worker.sandbox +=
        level.landlock == 0 ? ", no Landlock in this kernel" : ", Landlock " + std::to_string(level.landlock);
    if (level.ownUser != 0) worker.sandbox += ", own user";
  }
  worker.restarts = _restarts;
  worker.denied = _denied;
  worker.lastDenied = _lastDenied;
  worker.lastCrash = _lastCrash;
  worker.lastCrashAt = _lastCrashAt;
  return worker;
}

void IsolatedPlugin::workerLogged(std::uint32_t level, std::string_view text) noexcept {
  const std::lock_guard hearing(_hearing);
  if (_gone) return;
  const auto* table = static_cast<const dispatch_log_1*>(logService());
  table->write(_context.host(), nullptr, level, {text.data(), text.size()});
}

void IsolatedPlugin::workerMisbehaved(std::uint64_t request, std::string_view text) noexcept {
  try {
    const std::lock_guard hearing(_hearing);
    if (_gone) return;
    std::uint64_t dropped = 0;
    if (!_context.logGate().pass(monotonicNs(), dropped)) return;
    _context.logger().error("Plugin " + _library->manifest().id + ' ' + oneLine(text, 200) + " (request " +
                            std::to_string(request) +
                            "). This is a defect of the plugin; nothing else was affected.");
  } catch (...) {
    // No memory for the line.
  }
}

void IsolatedPlugin::workerWasDenied(const WorkerDenial& denial) noexcept {
  try {
    const std::lock_guard hearing(_hearing);
    if (_gone) return;
    if (denial.what == wire::Denied::service) return _context.denials().service(denial.name);
    {
      const std::lock_guard lock(_mutex);
      _denied += denial.times;
      _lastDenied = denial.name;
    }
    _context.denials().systemCall(denial.name, denial.times);
  } catch (...) {
    // Refused it was all the same.
  }
}

void IsolatedPlugin::workerClosedStream(std::uint64_t number) noexcept {
  try {
    const std::lock_guard hearing(_hearing);
    if (_gone) return;
    _streams.close(number);
  } catch (...) {
    // The instance closes it.
  }
}

void IsolatedPlugin::workerMeasured(std::string_view nameAndLabels, double value) noexcept {
  try {
    const std::lock_guard hearing(_hearing);
    if (_gone) return;
    std::vector<dispatch_str> parts;
    while (!nameAndLabels.empty()) {
      const auto end = std::min(nameAndLabels.find('\0'), nameAndLabels.size());
      parts.push_back({nameAndLabels.data(), end});
      nameAndLabels.remove_prefix(std::min(end + 1, nameAndLabels.size()));
    }
    if (parts.empty()) return;
    const auto* table = static_cast<const dispatch_metric_1*>(metricService());
    table->record(_context.host(), parts.front(), parts.data() + 1, parts.size() - 1, value);
  } catch (...) {
    // No memory for a number.
  }
}

void IsolatedPlugin::workerWrote(std::string_view text) noexcept {
  try {
    const std::lock_guard hearing(_hearing);
    if (_gone) return;
    std::uint64_t dropped = 0;
    if (!_context.logGate().pass(monotonicNs(), dropped)) return;
    _context.logger().information("[instance " + std::to_string(_context.scope().instanceId) + " output] " +
                                  oneLine(_context.secrets().blot(text), maxOutputBytes));
  } catch (...) {
    // No memory for the line.
  }
}

void IsolatedPlugin::workerEnded() noexcept {
  try {
    const std::lock_guard hearing(_hearing);
    if (_gone) return;
    _streams.closeAll();
    buryIdle();
  } catch (...) {
    // The instance closes them.
  }
}

}  // namespace dispatch::plugin
