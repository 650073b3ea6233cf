// What only a worker can promise: whatever a plugin does, the host goes on, the kernel says no, and somebody
// hears of it.
#include "base/problem.hpp"
#include "plugin/library.hpp"
#include "plugin/package/library_rules.hpp"
#include "plugin/testing/fixture.hpp"
#include "plugin/worker/isolated_plugin.hpp"
#include "plugin/worker/system_calls.hpp"
#include "plugin/worker/worker_process.hpp"

#include <gmock/gmock.h>

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <thread>

namespace dispatch::plugin {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class WorkerTest : public testing::ProbeTest {
 protected:
  WorkerTest() {
    options.workerProgram = DISPATCH_WORKER_PROGRAM;
    options.isolation["*"] = "worker";
    options.crashDirectory = directory / "crash";
    const Json method{{"revision", 1},
                      {"effect", "at-most-once"},
                      {"input", {{"type", "object"}}},
                      {"output", {{"type", "object"}, {"required", {"ok"}}}}};
    Json contract = Json::parse(testing::readFile(directory / "contracts/ticket.json"));
    contract["methods"]["do"] = method;
    contract["methods"]["look"] = method;
    testing::writeFile(directory / "contracts/ticket.json", contract.dump());
    hostile.manifest["timeout_ms"] = 5000;
    hostile.manifest["max_concurrency"] = 2;
  }

  Instance& plugin() {
    if (!instance) {
      hostile.write(directory / "plugins/hostile");
      instance = started(Json::object(), "hostile");
    }
    return *instance;
  }
  JsonOutcome attempt(const std::string& what, const std::string& method = "do",
                      std::chrono::milliseconds timeout = 5000ms) {
    CallOptions given;
    given.timeout = timeout;
    given.insist = true;  // what is tested is the worker, not how soon it is left alone
    return plugin().invoke(method, {{"what", what}}, given);
  }
  bool serves() { return attempt("nothing").ok(); }

  testing::PackageFiles hostile{"hostile", "hostile"};
  std::shared_ptr<Instance> instance;
};

/// Who is told of a worker may be the last to hold everything, its keeper's thread included.
TEST(WorkerKeeperTest, MayBeLetGoOfByItsOwnThread) {
  struct Last final : WorkerEar {
    std::shared_ptr<WorkerKeeper> keeper = std::make_shared<WorkerKeeper>();
    std::promise<void> told;
    int control[2] = {-1, -1}, output[2] = {-1, -1};
    ~Last() override {
      for (const int end : {control[0], control[1], output[0], output[1]}) ::close(end);
    }
    bool controlReadable() override {
      keeper.reset();
      told.set_value();
      return false;
    }
    bool outputReadable() override { return false; }
    void ended(WorkerEnd) override {}
  };
  const auto last = std::make_shared<Last>();
  ASSERT_EQ(::pipe(last->control), 0);
  ASSERT_EQ(::pipe(last->output), 0);
  last->keeper->listen(last, last->control[0], last->output[0], last->output[0], -1);
  ASSERT_EQ(::write(last->control[1], "x", 1), 1);
  EXPECT_EQ(last->told.get_future().wait_for(5s), std::future_status::ready);
}

/// Whoever hears last that a worker has ended may be all that still holds it: the rest was let go meanwhile.
TEST_F(WorkerTest, AProcessMayBeLetGoOfByTheThreadThatHearsIt) {
  struct Owner final : WorkerOwner {
    std::promise<void> hears, goOn;
    void workerLogged(std::uint32_t, std::string_view) noexcept override {}
    void workerMisbehaved(std::uint64_t, std::string_view) noexcept override {}
    void workerWasDenied(const WorkerDenial&) noexcept override {}
    void workerClosedStream(std::uint64_t) noexcept override {}
    void workerMeasured(std::string_view, double) noexcept override {}
    void workerWrote(std::string_view) noexcept override {}
    void workerEnded() noexcept override {
      hears.set_value();
      goOn.get_future().wait();
    }
  };
  Package package;
  package.libraryBytes = hostile.files.at("libhostile.so");
  const int descriptor = sealedFile(package);
  WorkerProcess::Options given{DISPATCH_WORKER_PROGRAM, "hostile", descriptor, {}};
  given.setup.maxLanes = 1;
  auto keeper = std::make_shared<WorkerKeeper>();
  auto watch = std::make_shared<DeadlineWatch>();
  const auto owner = std::make_shared<Owner>();
  auto process = WorkerProcess::start(keeper, watch, given, owner, 20s);
  ::close(descriptor);
  const std::weak_ptr<WorkerProcess> rest = process;
  process->kill("");
  ASSERT_EQ(owner->hears.get_future().wait_for(20s), std::future_status::ready);
  process.reset();
  watch.reset();
  keeper.reset();
  EXPECT_FALSE(rest.expired()) << "the thread holds it while it tells";
  owner->goOn.set_value();
  for (int i = 0; i < 500 && !rest.expired(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(rest.expired());
}

using Attempts = std::vector<std::pair<const char*, const char*>>;

/// A sanitizer in the worker needs some of what is refused otherwise, and says in its own way how a process
/// died.
Attempts withoutSanitizers(Attempts attempts, std::initializer_list<std::string_view> sanitized) {
  if (!hostSanitizer().empty())
    std::erase_if(attempts, [&](const auto& attempt) {
      return std::find(sanitized.begin(), sanitized.end(), attempt.first) != sanitized.end();
    });
  return attempts;
}

/// Refused by the kernel, seen by the host.
class WorkerRefusal : public WorkerTest,
                      public ::testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(WorkerRefusal, IsAnErrorForThePluginAndALineForTheOperator) {
  const auto [what, call] = GetParam();
  const testing::LogCapture log;
  const auto outcome = attempt(what);
  ASSERT_TRUE(outcome.ok()) << outcome.message;
  EXPECT_EQ(outcome.value["error"], "denied") << outcome.value.dump();
  EXPECT_TRUE(serves());
  if (std::string(call).empty()) return;
  // The report comes on its own way; the audit is the last to hear of it.
  for (int i = 0; i < 300 && outside.audited().empty(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_THAT(log.text(), HasSubstr(std::string("refused the system call ") + call));
  EXPECT_THAT(outside.audited(), Contains(HasSubstr(call)));
  EXPECT_GE(instance->worker().denied, 1u);
}
INSTANTIATE_TEST_SUITE_P(Attempts, WorkerRefusal,
                         ::testing::ValuesIn(withoutSanitizers({{"open_shadow", "openat"},
                                                                {"open_passwd", "openat"},
                                                                {"maps", "openat"},
                                                                {"write_file", "openat"},
                                                                {"unlink", "unlink"},
                                                                {"mkdir", "mkdir"},
                                                                {"connect", "socket"},
                                                                {"connect_udp", "socket"},
                                                                {"unix_socket", "socket"},
                                                                {"exec", "execve"},
                                                                {"fork", "clone"},
                                                                {"vfork", "clone"},
                                                                {"ptrace_host", "ptrace"},
                                                                {"kill_host", "kill"},
                                                                {"tgkill_host", "tgkill"},
                                                                {"read_host", "process_vm_readv"},
                                                                {"executable_memory", "mmap"},
                                                                {"dumpable", "prctl"},
                                                                {"silence_reports", "rt_sigaction"},
                                                                {"unshare", "unshare"},
                                                                {"raise_limits", "prlimit64"},
                                                                {"foreign_kv", ""},
                                                                {"ungranted_service", ""},
                                                                {"shrink_slot", ""}},
                                                               {"executable_memory", "dumpable",
                                                                "silence_reports", "raise_limits"})),
                         [](const auto& info) { return std::string(info.param.first); });

class WorkerDenialTest : public WorkerTest {
 protected:
  /// Reports come on their own way.
  void waitFor(const std::string& what) {
    for (int i = 0; i < 300 && count(what) == 0; ++i) std::this_thread::sleep_for(10ms);
  }
  std::size_t count(const std::string& what) {
    const auto rows = outside.audited();
    return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [&](const std::string& row) {
      return row.find(what) != std::string::npos;
    }));
  }
};

TEST_F(WorkerDenialTest, OneThatIsRepeatedHidesNoOther) {
  const testing::LogCapture log;
  for (const char* what : {"repeat", "repeat", "repeat", "open_passwd", "exec"})
    EXPECT_EQ(attempt(what).value["error"], "denied") << what;
  for (const char* call : {"getpgid", "openat", "execve"}) {
    waitFor(call);
    EXPECT_EQ(count(call), 1u) << call;
    EXPECT_EQ(log.count(std::string("refused the system call ") + call), 1u) << call;
  }
  for (int i = 0; i < 300 && instance->worker().denied < 1802; ++i) std::this_thread::sleep_for(10ms);
  const auto denied = instance->worker().denied;
  EXPECT_GE(denied, 1002u) << "a thousand of each are told one by one";
  EXPECT_LE(denied, 1802u);
  instance.reset();
  EXPECT_EQ(count("getpgid"), 2u) << "its repeats are one row";
  EXPECT_EQ(count("\"times\":" + std::to_string(denied - 3)), 1u);
}

TEST_F(WorkerDenialTest, AKeyOfOthersAndAServiceThatIsNotGrantedAreARowEach) {
  const testing::LogCapture log;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(attempt("foreign_kv").value["error"], "denied");
    EXPECT_EQ(attempt("ungranted_service").value["error"], "denied");
  }
  waitFor(DISPATCH_HTTP_1);
  EXPECT_EQ(count(DISPATCH_HTTP_1), 1u);
  EXPECT_EQ(count("../8/secret"), 1u);
  EXPECT_THAT(log.text(), HasSubstr("was refused the service dispatch.http/1"));
  EXPECT_THAT(log.text(), HasSubstr("was refused the key \"../8/secret\""));
  EXPECT_EQ(count("unknown"), 0u);
}

TEST(SystemCalls, HaveTheirNames) {
  EXPECT_EQ(systemCallName(SYS_openat), "openat");
  EXPECT_EQ(systemCallName(SYS_getpgid), "getpgid");
  EXPECT_EQ(systemCallName(SYS_rt_sigtimedwait), "rt_sigtimedwait");
  EXPECT_EQ(systemCallName(SYS_memfd_secret), "memfd_secret");
#if defined(__x86_64__)
  EXPECT_EQ(systemCallName(34), "pause");
#endif
  EXPECT_EQ(systemCallName(99999), "number 99999");
}

TEST_F(WorkerTest, HasNoEnvironmentAndAUserOfItsOwn) {
  EXPECT_EQ(attempt("environment").value["result"], 0);
  if (::geteuid() == 0) {
    EXPECT_GE(attempt("uid").value["result"].get<long>(), 1'000'000'000);
    EXPECT_THAT(instance->worker().sandbox, HasSubstr("own user"));
  }
  EXPECT_THAT(instance->worker().sandbox, HasSubstr("seccomp, two stages"));
  EXPECT_GT(instance->worker().process, 0);
  EXPECT_TRUE(instance->worker().isolated);
}

TEST_F(WorkerTest, ItsMemoryThreadsAndDescriptorsAreLimited) {
#if !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)  // whose shadow memory no limit on it survives
  EXPECT_LT(attempt("allocate").value["result"].get<long>(), 600);  // MiB of 4 GiB
  EXPECT_TRUE(serves());
#endif
  EXPECT_LT(attempt("leak_descriptors").value["result"].get<long>(), 100);
  EXPECT_TRUE(serves());
  EXPECT_LT(attempt("threads").value["result"].get<long>(), 100'000);
}

TEST_F(WorkerTest, WhatItPrintsIsALineInTheLog) {
  const testing::LogCapture log;
  EXPECT_TRUE(attempt("stdout").ok());
  for (int i = 0; i < 100 && log.count("standard error") == 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_THAT(log.text(), HasSubstr("a line on standard output"));
  EXPECT_THAT(log.text(), HasSubstr("and one on standard error"));
}

/// Fatal in the host's process; here a failed call that says how it ended.
class WorkerDeath : public WorkerTest,
                    public ::testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(WorkerDeath, IsAFailedCallThatSaysHow) {
  const auto [what, how] = GetParam();
  const testing::LogCapture log;
  const auto outcome = attempt(what, "do", 300ms);
  EXPECT_FALSE(outcome.ok());
  // An effect that may have happened is not repeated.
  EXPECT_TRUE(outcome.uncertain()) << outcome.message;
  EXPECT_THAT(outcome.message, HasSubstr(how));
  EXPECT_THAT(log.text(), HasSubstr("The host and other plugins go on"));
  EXPECT_TRUE(serves());
  EXPECT_EQ(instance->worker().restarts, 1u);
  EXPECT_THAT(instance->worker().lastCrash, HasSubstr(how));
  const auto record = Json::parse(testing::readFile(directory / "crash/worker-hostile.json"));
  EXPECT_EQ(record["plugin"], "hostile");
  EXPECT_EQ(record["method"], "do");
  EXPECT_THAT(record["how"].get<std::string>(), HasSubstr(how));
  EXPECT_EQ(record["build_id"], opened->find("hostile")->buildId);
  EXPECT_THAT(record["build_id"].get<std::string>(), ::testing::MatchesRegex("[0-9a-f]{16,128}"));
}
INSTANTIATE_TEST_SUITE_P(Ends, WorkerDeath,
                         ::testing::ValuesIn(withoutSanitizers({{"abort", "signal 6"},
                                                                {"segfault", "signal 11"},
                                                                {"overflow", "signal 11"},
                                                                {"exit", "exit code 3"},
                                                                {"hang", "did not end at its deadline"}},
                                                               {"segfault", "overflow", "exit"})),
                         [](const auto& info) { return std::string(info.param.first); });

TEST_F(WorkerTest, OneThatEndsBetweenCallsIsHeardOfAsWell) {
  const testing::LogCapture log;
  ASSERT_TRUE(serves());
  ::kill(instance->worker().process, SIGKILL);
  for (int i = 0; i < 500 && instance->worker().lastCrash.empty(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(instance->worker().lastCrash, "crashed between calls by signal 9 (Killed)") << "without a call";
  EXPECT_NE(instance->worker().lastCrashAt, "");
  EXPECT_EQ(log.count("crashed between calls by signal 9"), 1u);
  const auto record = Json::parse(testing::readFile(directory / "crash/worker-hostile.json"));
  EXPECT_EQ(record["how"], "crashed between calls by signal 9 (Killed)");
  EXPECT_EQ(record["signal"], 9);
  EXPECT_EQ(record["method"], "");
  EXPECT_EQ(record["crashes"], 1);
  EXPECT_TRUE(serves()) << "the first time it is started again at once";
  ::kill(instance->worker().process, SIGKILL);
  for (int i = 0; i < 500 && log.count("crashed between calls") < 2; ++i) std::this_thread::sleep_for(10ms);
  const auto outcome = attempt("nothing");
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE) << "the second time it waits";
  EXPECT_GT(outcome.retryAfterMs, 0u);
  std::this_thread::sleep_for(std::chrono::milliseconds(outcome.retryAfterMs));
  EXPECT_TRUE(serves());
  EXPECT_EQ(instance->worker().restarts, 2u);
}

TEST_F(WorkerTest, ReadingCallIsRepeatedOnAFreshWorkerWithinItsDeadline) {
  // It ends again, of course: but twice, and then it is unavailable, not uncertain.
  const auto outcome = attempt("exit", "look");
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_FALSE(outcome.uncertain());
  EXPECT_EQ(instance->worker().restarts, 1u);
}

TEST_F(WorkerTest, AHungOneIsReplacedAtItsDeadline) {
  ASSERT_TRUE(serves());
  const auto before = instance->worker().process;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(attempt("hang", "do", 100ms).status, DISPATCH_ERR_TIMEOUT);
  EXPECT_TRUE(serves());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
  EXPECT_NE(instance->worker().process, before);
}

TEST_F(WorkerTest, GarbageOnItsSocketsEndsItAndNothingElse) {
  for (int i = 0; i < 3; ++i) attempt("garbage", "look", 1000ms);
  for (int i = 0; i < 100 && !serves(); ++i) std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(serves());
}

TEST(CrashLoopTest, IsJudgedAgainByWhatComesAfterTheVerdict) {
  CrashLoop crashes;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 7; ++i) {
      crashes.crashed();
      EXPECT_EQ(crashes.verdict(), "");
    }
    crashes.crashed();
    EXPECT_THAT(crashes.verdict(), HasSubstr("8 times"));
    EXPECT_EQ(crashes.waitMs(), 0u) << "whoever releases it does not wait";
  }
  EXPECT_EQ(crashes.total(), 16u);
}

TEST(CrashLoopTest, IsOneForAllThatIsLoadedFromAPackage) {
  WorkerHouse house;
  EXPECT_EQ(house.crashesOf("a"), house.crashesOf("a"));
  EXPECT_NE(house.crashesOf("a"), house.crashesOf("b"));
}

TEST_F(WorkerTest, WhatIsNotTrustedAnyMoreGetsNoOtherWorker) {
  auto policy = testing::trustFixtures();
  options.trust = [&policy] { return policy; };
  ASSERT_TRUE(serves());
  policy = std::make_shared<TrustPolicy>();
  EXPECT_TRUE(serves()) << "what runs goes on";
  EXPECT_FALSE(attempt("abort").ok());
  const auto outcome = attempt("nothing");
  EXPECT_EQ(outcome.status, DISPATCH_ERR_UNAVAILABLE);
  EXPECT_THAT(outcome.message, HasSubstr("is put aside: The package is signed by the key"));
  EXPECT_EQ(instance->worker().process, 0);
  policy = testing::trustFixtures();
  EXPECT_TRUE(serves());
}

TEST_F(WorkerTest, OneThatCrashesAgainAndAgainIsPutAside) {
  auto policy = testing::trustFixtures();
  policy->ledger = std::make_shared<Ledger>(directory / "ledger.json");
  options.trust = [policy] { return policy; };
  std::string reason;
  for (int i = 0; i < 40 && reason.empty(); ++i) {
    const auto outcome = attempt("segfault", "do");
    if (outcome.message.find("is put aside") != std::string::npos) reason = outcome.message;
    if (outcome.retryAfterMs > 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(outcome.retryAfterMs));
  }
  const auto digest = opened->find("hostile")->digest;
  EXPECT_THAT(reason, HasSubstr("dispatch plugins quarantine release " + digest));
  EXPECT_THAT(instance->refusal(), HasSubstr("quarantine release " + digest));
  EXPECT_THAT(opened->find("hostile")->reason, HasSubstr("quarantine release " + digest));
  try {
    opened->create("hostile", {}, {});
    FAIL() << "another instance is no way around it";
  } catch (const Problem& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("quarantine release " + digest));
  }
  ASSERT_TRUE(policy->ledger->release(digest, "test"));
  EXPECT_TRUE(serves()) << "at once";
  EXPECT_EQ(instance->refusal(), "");
}

TEST_F(WorkerTest, ConstructorThatReachesOutFindsNothing) {
  testing::PackageFiles reaches{"constructor-reaches-out", "hostile"};
  reaches.write(directory / "plugins/hostile");
  instance = started(Json::object(), "hostile");
  EXPECT_TRUE(attempt("nothing").ok());
  for (int i = 0; i < 100 && outside.audited().empty(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_THAT(outside.audited(), Contains(HasSubstr("socket")));
}

TEST_F(WorkerTest, NoneOutlivesAHostThatIsKilled) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const auto child = ::fork();
  if (child == 0) {
    const int worker = plugin().worker().process;
    if (::write(pipe[1], &worker, sizeof worker) != static_cast<ssize_t>(sizeof worker)) ::_exit(1);
    for (;;) ::pause();
  }
  int worker = 0;
  ASSERT_EQ(::read(pipe[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
  ASSERT_GT(worker, 0);
  EXPECT_TRUE(std::filesystem::exists("/proc/" + std::to_string(worker)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const auto gone = [&] {
    std::ifstream status("/proc/" + std::to_string(worker) + "/stat");
    std::string text((std::istreambuf_iterator<char>(status)), {});
    return text.empty() || text.find(") Z ") != std::string::npos;
  };
  for (int i = 0; i < 200 && !gone(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(gone());
}

/// All memory of another process that can be read (needs root, as the tests have it).
bool holds(int process, const std::string& marker) {
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  std::ifstream memory("/proc/" + std::to_string(process) + "/mem", std::ios::binary);
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0, to = 0;
    char rights[5] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &from, &to, rights) != 3 || rights[0] != 'r') continue;
    if (line.find("[v") != std::string::npos) continue;
    if (to - from > 1ul << 40) continue;  // a sanitizer's shadow
    constexpr unsigned long step = 1 << 20;
    std::string piece;
    for (unsigned long at = from; at < to; at += step) {
      piece.resize(std::min(step + marker.size(), to - at));
      memory.clear();
      memory.seekg(static_cast<std::streamoff>(at));
      memory.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      piece.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, memory.gcount())));
      if (piece.find(marker) != std::string::npos) return true;
    }
  }
  return false;
}

TEST_F(WorkerTest, ASecretIsNeverInItsMemory) {
  if (hostSanitizer() == "tsan")
    GTEST_SKIP() << "ThreadSanitizer maps terabytes: there is no end to searching them. Every other build "
                    "looks.";
  ASSERT_EQ(::geteuid(), 0u) << "reading another process's memory needs root";
  const std::string secret = "marker-of-a-secret-9f31c7", leak = "marker-that-is-planted-5b20aa";
  instance = started({{"token", secret}, {"mode", leak}});
  CallOptions given;
  for (int i = 0; i < 3; ++i) {
    const auto signedWithIt = instance->invoke("crypto", {{"what", "hmac-sha256"}, {"data", "abc"}}, given);
    EXPECT_TRUE(signedWithIt.ok()) << signedWithIt.message;
    EXPECT_TRUE(instance->invoke("config", Json::object(), given).ok());
  }
  const auto process = instance->worker().process;
  ASSERT_GT(process, 0);
  EXPECT_TRUE(holds(process, leak)) << "the search finds nothing at all";
  EXPECT_FALSE(holds(process, secret));
}

/// Process ids of this process' workers.
std::set<int> workersNow() {
  std::set<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream stat("/proc/" + name + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    const auto end = text.rfind(") ");
    int parent = 0;
    char state = 0;
    if (end == std::string::npos || std::sscanf(text.c_str() + end + 2, "%c %d", &state, &parent) != 2)
      continue;
    if (parent == ::getpid() && state != 'Z') found.insert(std::stoi(name));
  }
  return found;
}

TEST_F(WorkerTest, TheWorkerOfTheFirstLoadServesTheFirstInstance) {
  catalog();
  const auto before = workersNow();
  ASSERT_EQ(before.size(), 1u);
  instance = started();
  EXPECT_EQ(instance->worker().process, *before.begin());
  EXPECT_TRUE(instance->invoke("echo", {{"ok", true}}, {}).ok());
  const auto second = started();
  EXPECT_NE(second->worker().process, *before.begin()) << "one worker is one instance";
  EXPECT_EQ(workersNow().size(), 2u);
}

TEST_F(WorkerTest, AWorkerThatNobodyTookEndsWhenAllHasStarted) {
  catalog().settled();
  for (int i = 0; i < 1000 && !workersNow().empty(); ++i) std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(workersNow().empty());
  instance = started();
  EXPECT_TRUE(instance->invoke("echo", {{"ok", true}}, {}).ok());
}

TEST_F(WorkerTest, AWorkerThatWasKilledWhileItWaitedIsReplaced) {
  catalog();
  ASSERT_EQ(workersNow().size(), 1u);
  ::kill(*workersNow().begin(), SIGKILL);
  for (int i = 0; i < 1000 && !workersNow().empty(); ++i) std::this_thread::sleep_for(5ms);
  instance = started();
  EXPECT_TRUE(instance->invoke("echo", {{"ok", true}}, {}).ok());
  EXPECT_EQ(instance->worker().restarts, 0u) << "none of its own ended";
}

TEST_F(WorkerTest, ACrashedPollIsNotRepeatedHere) {
  instance = started();
  EXPECT_FALSE(instance->poll("crash", {}).ok());
  EXPECT_TRUE(instance->poll("1", {}).ok());
  EXPECT_EQ(instance->worker().restarts, 1u) << "the poller asks again, later";
}

TEST_F(WorkerTest, IsSmall) {
  ASSERT_TRUE(serves());
  const auto bytes = instance->worker().memoryBytes;
  EXPECT_GT(bytes, 0u);
  RecordProperty("worker_kilobytes", static_cast<int>(bytes / 1024));
}

}  // namespace
}  // namespace dispatch::plugin
