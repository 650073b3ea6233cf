// What a call into a plugin costs in the host's process and in a worker, and what a worker costs: one JSON
// object a line, for run.sh. Measured is the boundary itself - call object, deadline, function table, and in
// a worker its sockets, memory and sandbox - with bytes in and out, as the peer's gRPC method has them; JSON
// and contracts are the same in both homes and left out.
#include "base/base.hpp"
#include "plugin/call/host_call.hpp"
#include "plugin/catalog.hpp"
#include "plugin/package/json_schema.hpp"
#include "plugin/service/service_context.hpp"
#include "plugin/worker/isolated_plugin.hpp"
#include "plugin/worker/worker_library.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>
#include <vector>

namespace dispatch::plugin {
namespace {

using Clock = std::chrono::steady_clock;

class Nobody final : public Outside {
 public:
  std::optional<std::string> kvGet(const Scope&, const std::string&) override { return std::nullopt; }
  void kvPut(const Scope&, const std::string&, const std::string&) override {}
  void kvRemove(const Scope&, const std::string&) override {}
  std::vector<std::string> kvList(const Scope&, const std::string&) override { return {}; }
  Json directory(const Scope&, const std::string&, const Json&) override { return Json::array(); }
  Verdict verifyCredential(const std::string&, std::string_view) override { return Verdict::wrong; }
  void createCredential(const std::string&, std::string_view) override {}
  void replaceCredential(const std::string&, std::string_view) override {}
  Json submitEvent(const Scope&, const Event&) override { return Json::object(); }
  void audit(const Scope&, const std::string&, const Json&) override {}
  void recordAudit(const Scope&, const std::string&, const std::string&, const Json&) override {}
};

class Quiet final : public CallOwner {
 public:
  void lateAnswer(HostCall&, dispatch_status) noexcept override {}
  void misbehaved(const HostCall&, const char*) noexcept override {}
  std::string presentable(std::string_view text) const override { return std::string(text); }
};

dispatch_str strOf(std::string_view text) { return {text.data(), text.size()}; }

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

/// Percentiles of durations in µs.
Json shape(std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
  };
  return {{"n", times.size()}, {"p50_us", at(0.5)}, {"p99_us", at(0.99)}, {"p999_us", at(0.999)}};
}

void print(Json line) { std::cout << line.dump() << std::endl; }

/// One created plugin, called as the host calls it.
class Plugin {
 public:
  Plugin(std::shared_ptr<const Library> library, const Manifest& manifest, Outside& outside)
      : _library(std::move(library)), _context(manifest, Scope{.pluginId = manifest.id}, outside, {}) {
    _context.configure({});
    _context.setLibrary(_library);
    HostCall call(_owner);
    begin(call, 10'000);
    check(call, _library->table().create(_context.host(), call.abi(), strOf("{}"), &_instance), "create");
    const auto& table = _library->table();
    if (table.start != nullptr) check(call, table.start(_instance, call.abi()), "start");
    call.end();
    _integration = static_cast<const dispatch_integration_1*>(
        table.get_interface(_instance, strOf(DISPATCH_INTEGRATION_1)));
  }
  ~Plugin() { _library->table().destroy(_instance); }
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  dispatch_status ask(HostCall& call, std::string_view method, const std::string& payload,
                      std::uint64_t timeoutMs) {
    begin(call, timeoutMs);
    dispatch_str out{};
    auto status = _integration->invoke(_instance, call.abi(), strOf(method), strOf(payload), &out);
    if (status == DISPATCH_OK && (out.len != payload.size() || !call.arena().owns(out.ptr, out.len)))
      status = DISPATCH_ERR_INTERNAL;
    call.end();
    call.recycle();
    return status;
  }
  void mustEcho(HostCall& call, const std::string& payload) {
    if (const auto status = ask(call, "echo", payload, 5000); status != DISPATCH_OK) {
      std::fprintf(stderr, "echo answered %d: %s\n", status, call.message().c_str());
      std::exit(1);
    }
  }
  Instance::Worker worker() const { return IsolatedPlugin::of(_instance).status(); }
  CallOwner& owner() { return _owner; }

 private:
  static void begin(HostCall& call, std::uint64_t timeoutMs) {
    static std::atomic<std::uint64_t> last{0};
    HostCall::Start start;
    start.requestId = ++last;
    start.deadlineNs = monotonicNs() + timeoutMs * 1'000'000;
    call.begin(start);
  }
  static void check(const HostCall& call, dispatch_status status, const char* what) {
    if (status == DISPATCH_OK) return;
    std::fprintf(stderr, "%s answered %d: %s\n", what, status, call.message().c_str());
    std::exit(1);
  }

  std::shared_ptr<const Library> _library;
  ServiceContext _context;
  Quiet _owner;
  dispatch_instance* _instance = nullptr;
  const dispatch_integration_1* _integration = nullptr;
};

void measureCalls(const char* home, Plugin& plugin, std::chrono::milliseconds each) {
  for (const std::size_t bytes : {64u, 1024u, 65536u, 1048576u})
    for (const int callers : {1, 8}) {
      const std::string payload(bytes, 'x');
      std::vector<std::vector<double>> all(static_cast<std::size_t>(callers));
      const auto work = [&](std::vector<double>& times) {
        HostCall call(plugin.owner());
        for (int i = 0; i < 20; ++i) plugin.mustEcho(call, payload);
        const auto end = Clock::now() + each;
        for (auto now = Clock::now(); now < end;) {
          plugin.mustEcho(call, payload);
          const auto after = Clock::now();
          times.push_back(microseconds(after - now));
          now = after;
        }
      };
      const auto began = Clock::now();
      std::vector<std::thread> threads;
      for (auto& times : all) threads.emplace_back([&] { work(times); });
      for (auto& thread : threads) thread.join();
      const auto seconds = microseconds(Clock::now() - began) / 1e6;
      std::vector<double> times;
      for (const auto& part : all) times.insert(times.end(), part.begin(), part.end());
      auto line = shape(times);
      line.update({{"what", "call"},
                   {"home", home},
                   {"bytes", bytes},
                   {"callers", callers},
                   {"per_second", static_cast<double>(times.size()) / seconds}});
      print(line);
    }
}

/// Ready: every plugin of `directory` verified, loaded, created and started, by a process that begins with
/// nothing but the files in the page cache. In a child each time, because what is loaded stays. µs.
double timeToReady(const std::string& directory, const char* home, std::size_t count) {
  int ends[2];
  if (::pipe(ends) != 0) std::exit(1);
  const auto child = ::fork();
  if (child == 0) {
    Nobody outside;
    const auto began = Clock::now();
    CatalogOptions options;
    options.searchPath = {directory};
    options.contractsDirectory = BENCH_CONTRACTS;
    options.workerProgram = BENCH_WORKER;
    options.isolation["*"] = home;
    auto trust = std::make_shared<TrustPolicy>();
    trust->store = TrustStore::load(BENCH_TRUST, "");
    options.trust = [trust] { return trust; };
    const auto catalog = Catalog::open(options, outside);
    std::vector<std::shared_ptr<Instance>> started;
    for (const auto& installed : catalog->list()) {
      started.push_back(catalog->create(installed.id, Scope{.pluginId = installed.id}, {}));
      if (!started.back()->start().ok()) ::_exit(1);
    }
    const double took = microseconds(Clock::now() - began);
    const bool told = started.size() == count && ::write(ends[1], &took, sizeof took) == sizeof took;
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  double took = 0;
  if (::read(ends[0], &took, sizeof took) != sizeof took) {
    std::fprintf(stderr, "the plugins in %s did not get ready in home %s\n", directory.c_str(), home);
    std::exit(1);
  }
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return took;
}

void measureReady(int times) {
  namespace fs = std::filesystem;
  const auto one = fs::temp_directory_path() / ("dispatch-bench-" + std::to_string(::getpid()));
  fs::create_directories(one);
  fs::copy(BENCH_PACKAGE, one / "bench-echo", fs::copy_options::recursive);
  for (const char* home : {"process", "worker"})
    for (const std::size_t count : {1u, 20u}) {
      std::vector<double> all;
      for (int i = 0; i < times; ++i)
        all.push_back(timeToReady(count == 1 ? one.string() : BENCH_MANY, home, count));
      auto line = shape(all);
      line.update({{"what", "cold to ready"}, {"home", home}, {"plugins", count}});
      print(line);
    }
  fs::remove_all(one);
}

std::uint64_t residentBytes(int process) {
  std::ifstream statm("/proc/" + std::to_string(process) + "/statm");
  std::uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * 4096;
}

int run(std::chrono::milliseconds each, int starts) {
  measureReady(starts);  // first: it forks, and has no threads yet
  const std::string schemaFile = BENCH_CONTRACTS "/plugin.schema.json";
  std::ifstream file(schemaFile);
  std::stringstream text;
  text << file.rdbuf();
  const auto schema = parseJson(text.str(), schemaFile);
  TrustPolicy trust;
  trust.store = TrustStore::load(BENCH_TRUST, "");
  const auto package = readPackage(BENCH_PACKAGE, schema, trust);
  auto house = std::make_shared<WorkerHouse>();
  house->program = BENCH_WORKER;
  const auto watch = std::make_shared<DeadlineWatch>();
  Nobody outside;
  {
    Plugin inProcess(Library::load(package), package.manifest, outside);
    measureCalls("process", inProcess, each);
  }
  const auto library = WorkerLibrary::open(house, watch, package);
  {
    Plugin isolated(library, package.manifest, outside);
    print({{"what", "sandbox"}, {"level", isolated.worker().sandbox}});
    measureCalls("worker", isolated, each);
  }
  // A worker from nothing to its first answer, and the memory that it then has.
  std::vector<double> times;
  std::uint64_t memory = 0;
  for (int i = 0; i < starts; ++i) {
    const auto began = Clock::now();
    Plugin isolated(library, package.manifest, outside);
    HostCall call(isolated.owner());
    isolated.mustEcho(call, "{}");
    times.push_back(microseconds(Clock::now() - began));
    memory = std::max(memory, residentBytes(isolated.worker().process));
  }
  auto line = shape(times);
  line.update({{"what", "start"}, {"home", "worker"}, {"memory_bytes", memory}});
  print(line);
  // From the moment at which a hung worker is killed to the answer of its replacement.
  times.clear();
  for (int i = 0; i < starts; ++i) {
    // A library of its own for each: a package whose workers die so often is started with delay.
    Plugin isolated(WorkerLibrary::open(house, watch, package), package.manifest, outside);
    HostCall call(isolated.owner());
    isolated.mustEcho(call, "{}");
    ::kill(isolated.worker().process, SIGKILL);
    const auto began = Clock::now();
    while (isolated.ask(call, "echo", "{}", 5000) != DISPATCH_OK)
      if (Clock::now() - began > std::chrono::seconds(10)) return 1;
    times.push_back(microseconds(Clock::now() - began));
  }
  line = shape(times);
  line.update({{"what", "kill to replacement"}, {"home", "worker"}});
  print(line);
  // From a directory on the disk to code that can be called: every check, and the first load in a throw-away
  // worker.
  times.clear();
  for (int i = 0; i < starts; ++i) {
    const auto began = Clock::now();
    const auto read = readPackage(BENCH_PACKAGE, schema, trust);
    const auto opened = WorkerLibrary::open(house, watch, read);
    times.push_back(microseconds(Clock::now() - began));
  }
  line = shape(times);
  line.update({{"what", "verify and load"}, {"home", "worker"}});
  print(line);
  return 0;
}

}  // namespace
}  // namespace dispatch::plugin

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::strcmp(argv[1], "quick") == 0;
  return dispatch::plugin::run(std::chrono::milliseconds(quick ? 300 : 2000), quick ? 20 : 100);
}
