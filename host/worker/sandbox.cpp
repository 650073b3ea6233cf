#include "worker/sandbox.hpp"

#include "worker/denials.hpp"

#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <system_error>
#include <vector>

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_restrict_self 446
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif
#ifndef __NR_close_range
#define __NR_close_range 436
#endif

namespace dispatch::worker {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
#error "dispatch-worker has no list of system calls for this machine"
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;  // shadow memory takes terabytes of addresses, and reports read /proc
#else
constexpr bool sanitized = false;
#endif

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

void check(int result, const char* what) {
  if (result != 0) fail(what);
}

void limit(__rlimit_resource_t what, rlim_t value) {
  const rlimit both{value, value};
  check(::setrlimit(what, &both), "setrlimit");
}

/// linux/landlock.h of Debian 12 ends at version 2 of its ABI: the members are those of version 6.
struct RulesetAttributes {
  std::uint64_t files, network, scoped;
};

/// Everything that this kernel's Landlock can keep from a process; nothing is allowed again. Returns its ABI
/// version.
int landlock() {
  const auto version = static_cast<int>(::syscall(__NR_landlock_create_ruleset, nullptr, 0, 1u));
  if (version <= 0) return 0;
  const int fileRights = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
  RulesetAttributes attributes{};
  attributes.files = (std::uint64_t{1} << fileRights) - 1;
  if (version >= 4) attributes.network = 3;  // TCP bind and connect
  if (version >= 6) attributes.scoped = 3;   // abstract sockets and signals of others
  const std::size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const auto ruleset = static_cast<int>(::syscall(__NR_landlock_create_ruleset, &attributes, size, 0u));
  if (ruleset < 0) fail("landlock_create_ruleset");
  if (::syscall(__NR_landlock_restrict_self, ruleset, 0u) != 0) fail("landlock_restrict_self");
  ::close(ruleset);
  return version;
}

/// Builds a filter: system calls that are in no rule are trapped, so that the host hears of them.
class Filter {
 public:
  Filter() {
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0);
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    add(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);  // the x32 numbers
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
#endif
  }

  void allow(std::initializer_list<long> calls) {
    for (const long call : calls) answer(call, SECCOMP_RET_ALLOW);
  }
  void refuse(long call, int error) { answer(call, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)); }
  /// Trapped unless the low half of `argument`, masked, is `value`.
  void allowIf(long call, unsigned argument, std::uint32_t mask, std::uint32_t value) {
    guarded(call, argument, mask, value, SECCOMP_RET_ALLOW, SECCOMP_RET_TRAP);
  }
  void allowUnless(long call, unsigned argument, std::uint32_t mask, std::uint32_t value) {
    guarded(call, argument, mask, value, SECCOMP_RET_TRAP, SECCOMP_RET_ALLOW);
  }

  void install(unsigned flags) {
    add(BPF_RET | BPF_K, _otherwise);
    const sock_fprog program{static_cast<unsigned short>(_code.size()), _code.data()};
    if (::syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0) fail("seccomp");
  }
  void otherwise(std::uint32_t action) { _otherwise = action; }

 private:
  void add(unsigned code, std::uint32_t value, unsigned char yes = 0, unsigned char no = 0) {
    _code.push_back({static_cast<unsigned short>(code), yes, no, value});
  }
  void answer(long call, std::uint32_t action) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1);
    add(BPF_RET | BPF_K, action);
  }
  void guarded(long call, unsigned argument, std::uint32_t mask, std::uint32_t value, std::uint32_t match,
               std::uint32_t other) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 5);
    add(BPF_LD | BPF_W | BPF_ABS,
        static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t)));
    add(BPF_ALU | BPF_AND | BPF_K, mask);
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    add(BPF_RET | BPF_K, match);
    add(BPF_RET | BPF_K, other);
  }

  std::vector<sock_filter> _code;
  std::uint32_t _otherwise = SECCOMP_RET_TRAP;
};

constexpr std::uint32_t all = 0xffffffffu;
constexpr std::uint32_t threadFlag = 0x00010000;  // CLONE_THREAD

/// What a process needs to load a library and to run. Nothing that reaches another process, the network or
/// the disk.
void firstStage() {
  Filter filter;
  filter.allow({__NR_recvfrom,
                __NR_sendmsg,
                __NR_futex,
                __NR_recvmsg,
                __NR_read,
                __NR_write,
                __NR_readv,
                __NR_writev,
                __NR_close,
                __NR_mmap,
                __NR_munmap,
                __NR_mremap,
                __NR_mprotect,
                __NR_madvise,
                __NR_brk,
                __NR_openat,
                __NR_fstat,
                __NR_newfstatat,
                __NR_lseek,
                __NR_pread64,
                __NR_ppoll,
                __NR_fcntl,
                __NR_sched_yield,
                __NR_nanosleep,
                __NR_clock_nanosleep,
                __NR_clock_gettime,
                __NR_clock_getres,
                __NR_gettimeofday,
                __NR_getrandom,
                __NR_getpid,
                __NR_gettid,
                __NR_getppid,
                __NR_getuid,
                __NR_geteuid,
                __NR_getgid,
                __NR_getegid,
                __NR_rt_sigprocmask,
                __NR_rt_sigreturn,
                __NR_sigaltstack,
                __NR_exit,
                __NR_exit_group,
                __NR_set_robust_list,
                __NR_set_tid_address,
                __NR_rseq,
                __NR_sched_getaffinity,
                __NR_sched_getparam,
                __NR_sched_getscheduler,
                __NR_sysinfo,
                __NR_uname,
                __NR_getrusage,
                __NR_times,
                __NR_membarrier,
                __NR_restart_syscall,
                __NR_seccomp,
                __NR_readlinkat,
                __NR_eventfd2,
                __NR_gettimeofday});
#if defined(__x86_64__)
  filter.allow({__NR_poll, __NR_readlink, __NR_arch_prctl, __NR_time, __NR_access, __NR_stat, __NR_lstat});
#endif
  // UBSan asks whether memory is readable by writing it into a pipe.
  if (sanitized) filter.allow({__NR_prctl, __NR_prlimit64, __NR_rt_sigaction, __NR_personality, __NR_pipe2});
  // Nobody takes the messenger away: the handler of SIGSYS stays.
  filter.allowUnless(__NR_rt_sigaction, 0, all, SIGSYS);
  filter.allowIf(__NR_clone, 0, threadFlag, threadFlag);
  filter.refuse(__NR_clone3, ENOSYS);         // its flags are behind a pointer; the C library then uses clone
  filter.allowIf(__NR_prlimit64, 2, all, 0);  // reading only
  filter.allowIf(__NR_prctl, 0, all, PR_SET_NAME);
  filter.allowIf(__NR_tgkill, 0, all, static_cast<std::uint32_t>(::getpid()));  // abort(), raise()
  filter.refuse(__NR_ioctl, ENOTTY);  // what a stream of text asks about its terminal
  filter.install(0);
}

/// Takes away what only loading needed.
void secondStage() {
  Filter filter;
  filter.otherwise(SECCOMP_RET_ALLOW);  // the first stage still decides about the rest
  const auto trap = [&](long call) { filter.allowIf(call, 0, 0, 1); };
  trap(__NR_openat);
  trap(__NR_seccomp);
  if (!sanitized) {
    filter.allowIf(__NR_mmap, 2, PROT_EXEC, 0);
    filter.allowIf(__NR_mprotect, 2, PROT_EXEC, 0);
  }
  filter.install(SECCOMP_FILTER_FLAG_TSYNC);
}

bool closed = false;

/// A refused system call fails like one that is not permitted, and the host hears of it.
void refused(int, siginfo_t* info, void* context) {
  const int error = errno;
  Denials::systemCall(info->si_syscall);
  auto* machine = &static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  machine->gregs[REG_RAX] = -EPERM;
#else
  machine->regs[0] = static_cast<unsigned long long>(-EPERM);
#endif
  errno = error;
}

void becomeUser(std::uint32_t uid) {
  check(::setgroups(0, nullptr), "setgroups");
  check(::setresgid(uid, uid, uid), "setresgid");
  check(::setresuid(uid, uid, uid), "setresuid");
}

}  // namespace

wire::SandboxLevel Sandbox::enter(const wire::Setup& setup) {
  wire::SandboxLevel level;
  if (setup.uid != 0) {
    becomeUser(setup.uid);
    level.ownUser = 1;
  }
  // After the change of user, which clears both.
  check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl(PR_SET_PDEATHSIG)");
  check(::prctl(PR_SET_DUMPABLE, 0), "prctl(PR_SET_DUMPABLE)");
  if (::getppid() != setup.hostProcess) ::_exit(0);  // the host ended before the signal was asked for
  if (::syscall(__NR_close_range, wire::firstFreeDescriptor, ~0u, CLOSE_RANGE_UNSHARE) != 0)
    fail("close_range");

  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NOFILE, 16 + 4 * setup.maxLanes);
  if (level.ownUser != 0) limit(RLIMIT_NPROC, 64 + setup.maxLanes);
  if (!sanitized && setup.memoryBytes != 0) limit(RLIMIT_DATA, setup.memoryBytes);
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");

  if (setup.sandbox == 0) return level;
  level.landlock = landlock();
  closed = true;
  struct sigaction action {};
  action.sa_sigaction = refused;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  check(::sigaction(SIGSYS, &action, nullptr), "sigaction(SIGSYS)");
  firstStage();
  level.seccomp = 1;
  return level;
}

void Sandbox::seal() {
  if (!closed) return;
  secondStage();
}

}  // namespace dispatch::worker
