// What crossing the plugin boundary costs, piece by piece, and what a package costs before it can be called.
#include "plugin/call/call_seats.hpp"
#include "plugin/call/flight_recorder.hpp"
#include "plugin/call/process_instance.hpp"
#include "plugin/library.hpp"
#include "plugin/testing/fixture.hpp"

#include <benchmark/benchmark.h>

#include <cstring>

namespace dispatch::plugin {
namespace {

class Bench : public testing::ProbeTest {
 public:
  Bench() {
    options.crashDirectory = directory / "crash";
    instance = started();
    package = readPackage(directory / "plugins/probe", testing::manifestSchema(), *testing::trustFixtures());
    library = Library::load(package);
  }
  void TestBody() override {}

  std::shared_ptr<Instance> instance;
  Package package;
  std::shared_ptr<const Library> library;
  using testing::ProbeTest::directory;
  using testing::ProbeTest::probe;
};

Bench& bench() {
  static auto& one = *new Bench;
  return one;
}

const dispatch_integration_1* integration() {
  const char* id = DISPATCH_INTEGRATION_1;
  return static_cast<const dispatch_integration_1*>(
      bench().library->table().get_interface(nullptr, {id, std::strlen(id)}));
}

class QuietOwner : public CallOwner {
 public:
  void lateAnswer(HostCall&, dispatch_status) noexcept override {}
  void misbehaved(const HostCall&, const char*) noexcept override {}
  std::string presentable(std::string_view text) const override { return std::string(text); }
};

constexpr dispatch_str nothing{"nothing", 7};
constexpr dispatch_str input{"{}", 2};

/// What "nothing" of the probe does, as a function of this program: the cost to compare with.
__attribute__((noinline)) dispatch_status direct(const dispatch_call*, dispatch_str method, dispatch_str,
                                                 char* memory, dispatch_str* out) {
  static const char text[] = "{\"ok\":true}";
  if (method.len != 7 || std::memcmp(method.ptr, "nothing", 7) != 0) return DISPATCH_ERR_UNSUPPORTED;
  std::memcpy(memory, text, sizeof text - 1);
  *out = {memory, sizeof text - 1};
  return DISPATCH_OK;
}

void directCall(benchmark::State& state) {
  char memory[64];
  for (auto _ : state) {
    dispatch_str out{};
    benchmark::DoNotOptimize(direct(nullptr, nothing, input, memory, &out));
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(directCall);

/// The boundary itself: call object, deadline, trace, function table, arena.
void boundary(benchmark::State& state) {
  QuietOwner owner;
  HostCall call(owner);
  const auto* table = integration();
  const unsigned char trace[16] = {1};
  HostCall::Start start;
  start.traceId = trace;
  start.spanId = trace;
  start.deadlineNs = monotonicNs() + 3'600'000'000'000;
  for (auto _ : state) {
    ++start.requestId;
    call.begin(start);
    dispatch_str out{};
    benchmark::DoNotOptimize(table->invoke(nullptr, call.abi(), nothing, input, &out));
    benchmark::DoNotOptimize(call.arena().owns(out.ptr, out.len));
    call.end();
    call.recycle();
  }
}
BENCHMARK(boundary);

/// With what a server adds to every call: a turn, the clock, the record for a crash.
void supervised(benchmark::State& state) {
  DeadlineWatch watch;
  CallSeats seats(
      4, "probe", Poco::Logger::get("bench"), [](std::string_view text) { return std::string(text); }, watch);
  testing::TemporaryDirectory directory;
  const auto recorder = FlightRecorder::open(directory.path());
  const auto* table = integration();
  for (auto _ : state) {
    const int seat = seats.take(0, nullptr);
    auto& call = seats.at(seat);
    HostCall::Start start;
    start.deadlineNs = monotonicNs() + 1'000'000'000;
    call.begin(start);
    watch.called();
    {
      const FlightRecorder::Flight flight(
          recorder.get(), {"probe", "1.0.0", "85d2a1b0c94f5b7c9e0b5a7d7f5a3c1e2d4b6a89", "nothing", 1});
      dispatch_str out{};
      benchmark::DoNotOptimize(table->invoke(nullptr, call.abi(), nothing, input, &out));
    }
    call.end();
    seats.give(seat, false);
  }
}
BENCHMARK(supervised);

/// Instance::invoke as flows use it: contract checks and JSON in both directions.
void invokeWithJson(benchmark::State& state) {
  const Json empty = Json::object();
  for (auto _ : state) benchmark::DoNotOptimize(bench().instance->invoke("nothing", empty));
}
BENCHMARK(invokeWithJson);

/// A package from disk to a library that can be called; each time another digest, so that it is really
/// loaded.
void verifyAndLoad(benchmark::State& state) {
  static int count = 0;
  const auto schema = testing::manifestSchema();
  for (auto _ : state) {
    state.PauseTiming();
    auto files = bench().probe;
    files.manifest["description"] = "number " + std::to_string(++count);
    const auto path = bench().directory / "load";
    files.write(path);
    state.ResumeTiming();
    benchmark::DoNotOptimize(Library::load(readPackage(path, schema, *testing::trustFixtures())));
  }
}
BENCHMARK(verifyAndLoad)->Iterations(50)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dispatch::plugin

BENCHMARK_MAIN();
