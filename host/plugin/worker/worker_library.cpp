#include "plugin/worker/worker_library.hpp"

#include "base/backoff.hpp"
#include "base/problem.hpp"
#include "plugin/call/table_rules.hpp"
#include "plugin/worker/isolated_plugin.hpp"

#include <sodium.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace dispatch::plugin {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t firstUser = 1'000'000'000;  // no account has such a number

/// A function of the plugin, called in its worker: made from its signature.
template <auto Member, class Signature = decltype(Member)>
struct Stub;
template <auto Member, class T, class... A>
struct Stub<Member, dispatch_status (*T::*)(dispatch_instance*, const dispatch_call*, A...)> {
  static dispatch_status call(dispatch_instance* instance, const dispatch_call* call, A... values) noexcept {
    auto& plugin = IsolatedPlugin::of(instance);
    return plugin.call(
        wire::PluginFunctions::number<Member>(), call, repeats(plugin, values...),
        [&](wire::Writer& writer, wire::Peer& peer) {
          wire::SignatureOf<Member>::send(writer, peer, values...);
        },
        [&](wire::Reader& reader, wire::Peer& peer) {
          wire::SignatureOf<Member>::receive(reader, peer, values...);
        });
  }

 private:
  static bool repeats(const IsolatedPlugin& plugin, const A&... values) {
    constexpr auto is = []<auto Other>() {
      return wire::PluginFunctions::number<Member>() == wire::PluginFunctions::number<Other>();
    };
    if constexpr (is.template operator()<&dispatch_integration_1::invoke>())
      return plugin.repeats(std::get<0>(std::tuple<const A&...>(values...)));
    else
      // Everything else but logging in changes nothing, or nothing that a second time would change again;
      // webhooks and sources are asked again later by who asked.
      return !is.template operator()<&dispatch_auth_1::authenticate>() &&
             !is.template operator()<&dispatch_webhook_1::receive>() &&
             !is.template operator()<&dispatch_source_1::poll>();
  }
};
template <auto Member>
constexpr auto stub = &Stub<Member>::call;

dispatch_status start(dispatch_instance* instance, const dispatch_call* call) {
  return IsolatedPlugin::of(instance).start(call);
}
dispatch_status reconfigure(dispatch_instance* instance, const dispatch_call* call,
                            dispatch_str configuration, std::uint64_t revision) {
  return IsolatedPlugin::of(instance).reconfigure(call, configuration, revision);
}
dispatch_status stop(dispatch_instance* instance, const dispatch_call* call) {
  return IsolatedPlugin::of(instance).stop(call);
}

dispatch_str str(const std::string& text, std::uint64_t claimed) {
  return text.size() == claimed ? dispatch_str{text.data(), text.size()} : dispatch_str{nullptr, claimed};
}

}  // namespace

const wire::InterfaceTables& workerStubs() {
  static const auto stubs = [] {
    wire::InterfaceTables tables{};
    wire::PluginFunctions::each<bool>([&]<auto Member>() {
      using Table = typename wire::SignatureOf<Member>::Table;
      if constexpr (!std::is_same_v<Table, dispatch_plugin_v1>) {
        auto& table = std::get<Table>(tables);
        table.struct_size = sizeof table;
        table.*Member = stub<Member>;
      }
      return true;
    });
    return tables;
  }();
  return stubs;
}

void WorkerHouse::quarantine(const std::string& digest, const std::string& reason) {
  if (ledger) return ledger->quarantine(digest, reason);
  const std::lock_guard lock(_mutex);
  _quarantined.emplace(digest, reason);
}

std::string WorkerHouse::refusal(const Credentials& credentials) const {
  if (trust)
    if (auto reason = refusalNow(credentials, trust); !reason.empty()) return reason;
  const std::lock_guard lock(_mutex);
  const auto found = _quarantined.find(credentials.digest);
  return found == _quarantined.end()
             ? std::string()
             : "This package is in quarantine, because " + found->second +
                   ". Install another version, or let it run again with: dispatch plugins quarantine "
                   "release " +
                   credentials.digest;
}

std::shared_ptr<CrashLoop> WorkerHouse::crashesOf(const std::string& digest) {
  const std::lock_guard lock(_mutex);
  auto& crashes = _crashes[digest];
  if (!crashes) crashes = std::make_shared<CrashLoop>();
  return crashes;
}

std::chrono::milliseconds CrashLoop::crashed() {
  const std::lock_guard lock(_mutex);
  const auto now = Clock::now();
  ++_total;
  _recent.push_back(now);
  while (!_recent.empty() && now - _recent.front() > 2min) _recent.pop_front();
  const auto again = static_cast<int>(_recent.size()) - 1;
  const auto wait = again == 0 ? 0ms : backoff(again, 100ms, 30s);
  _notBefore = now + wait;
  return wait;
}

std::uint32_t CrashLoop::waitMs() const {
  const std::lock_guard lock(_mutex);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(_notBefore - Clock::now()).count();
  return left <= 0 ? 0 : static_cast<std::uint32_t>(left);
}

std::string CrashLoop::verdict() {
  const std::lock_guard lock(_mutex);
  if (_recent.size() < most) return {};
  const auto times = std::to_string(_recent.size());
  // Whoever lets it run again lets it run at once, and it is judged by what it does then.
  _recent.clear();
  _notBefore = {};
  return "its workers ended " + times + " times within two minutes";
}

std::uint64_t CrashLoop::total() const {
  const std::lock_guard lock(_mutex);
  return _total;
}

std::shared_ptr<const WorkerLibrary> WorkerLibrary::open(std::shared_ptr<WorkerHouse> house,
                                                         std::shared_ptr<DeadlineWatch> watch,
                                                         const Package& package) {
  std::shared_ptr<WorkerLibrary> made(new WorkerLibrary(std::move(house), std::move(watch), package));
  made->probe();
  return made;
}

WorkerLibrary::WorkerLibrary(std::shared_ptr<WorkerHouse> house, std::shared_ptr<DeadlineWatch> watch,
                             const Package& package)
    : _house(std::move(house)),
      _watch(std::move(watch)),
      _manifest(package.manifest),
      _credentials(package.credentials),
      _crashes(_house->crashesOf(package.digest)) {
  _buildId = package.buildId;
  _bytes = sealedFile(package);
}

WorkerLibrary::~WorkerLibrary() {
  if (_bytes >= 0) ::close(_bytes);
}

void WorkerLibrary::probe() {
  auto worker = fresh({}, 10s);
  const auto& hello = worker->hello();
  _id = hello.id;
  _version = hello.version;
  _buildInfo = hello.buildInfo;
  _denied = hello.denied;
  _stubs.struct_size = hello.structSize;
  _stubs.abi_minor = hello.abiMinor;
  _stubs.id = str(_id, hello.idSize);
  _stubs.version = str(_version, hello.versionSize);
  _stubs.build_info = str(_buildInfo, hello.buildInfoSize);
  _stubs.create = hello.create ? IsolatedPlugin::create : nullptr;
  _stubs.destroy = hello.destroy ? IsolatedPlugin::destroy : nullptr;
  _stubs.get_interface = hello.getInterface ? IsolatedPlugin::interfaceOf : nullptr;
  _stubs.start = hello.start ? plugin::start : nullptr;
  _stubs.reconfigure = hello.reconfigure ? plugin::reconfigure : nullptr;
  _stubs.drain = hello.drain ? stub<&dispatch_plugin_v1::drain> : nullptr;
  _stubs.stop = hello.stop ? plugin::stop : nullptr;
  checkQueryTable(hello.hasTable ? &_stubs : nullptr, _manifest);
  _stubs.struct_size = sizeof _stubs;
  _table = &_stubs;
  _spare = std::move(worker);
}

std::shared_ptr<WorkerProcess> WorkerLibrary::start(std::weak_ptr<WorkerOwner> owner,
                                                    std::chrono::milliseconds patience) const {
  if (const auto reason = refusal(); !reason.empty())
    throw Problem(Problem::Kind::unavailable,
                  "Plugin " + _manifest.id + ' ' + _manifest.version + " is put aside: " + reason);
  std::shared_ptr<WorkerProcess> spare;
  {
    const std::lock_guard lock(_spareMutex);
    spare = std::move(_spare);
  }
  if (spare && spare->adopt(owner)) return spare;
  return fresh(std::move(owner), patience);
}

void WorkerLibrary::letGoOfSpare() const {
  std::shared_ptr<WorkerProcess> spare;  // ends outside the lock
  const std::lock_guard lock(_spareMutex);
  spare.swap(_spare);
}

std::shared_ptr<WorkerProcess> WorkerLibrary::fresh(std::weak_ptr<WorkerOwner> owner,
                                                    std::chrono::milliseconds patience) const {
  // From anywhere: limits count per user, and another server must not share them.
  static std::atomic<std::uint32_t> users{::randombytes_uniform(1'000'000)};
  WorkerProcess::Options options;
  options.program = _house->program;
  options.name = _manifest.id;
  options.library = _bytes;
  options.setup.memoryBytes = _house->memoryBytes;
  options.setup.maxLanes = static_cast<std::uint32_t>(_manifest.maxConcurrency) + 1;
  options.setup.sandbox = _house->sandbox ? 1 : 0;
  if (::geteuid() == 0) options.setup.uid = firstUser + users++ % 1'000'000;
  try {
    return WorkerProcess::start({_house, &_house->keeper}, _watch, options, std::move(owner), patience);
  } catch (const Problem& problem) {
    if (problem.kind() != Problem::Kind::invalid) throw;
    throw Problem(Problem::Kind::invalid,
                  _manifest.library + " of plugin " + _manifest.id + ' ' + problem.what())
        .withType("plugin_library");
  }
}

}  // namespace dispatch::plugin
