#include "plugin/worker/worker_keeper.hpp"

#include "base/problem.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <future>
#include <map>
#include <mutex>
#include <system_error>
#include <vector>

namespace dispatch::plugin {

namespace {

constexpr int highDescriptor =
    64;  // beyond what the child is given, so that no dup2 overwrites another's source

std::string systemSays(int error) { return std::generic_category().message(error); }

[[noreturn]] void refuse(const std::string& what, int error) {
  throw Problem(Problem::Kind::unavailable, what + ": " + systemSays(error) + ".").withType("plugin_worker");
}

/// A copy of a descriptor that is out of the way, for the time of a start.
class Raised {
 public:
  explicit Raised(int descriptor) : _descriptor(::fcntl(descriptor, F_DUPFD_CLOEXEC, highDescriptor)) {}
  ~Raised() {
    if (_descriptor >= 0) ::close(_descriptor);
  }
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;
  operator int() const { return _descriptor; }

 private:
  int _descriptor;
};

WorkerKeeper::Started spawn(const WorkerKeeper::Start& start) {
  const Raised control(start.control), library(start.library), output(start.output);
  if (control < 0 || library < 0 || output < 0) refuse("A worker cannot be started", errno);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, 1);
  ::posix_spawn_file_actions_adddup2(&actions, output, 2);
  ::posix_spawn_file_actions_adddup2(&actions, control, 3);
  ::posix_spawn_file_actions_adddup2(&actions, library, 4);
  sigset_t none, every;
  sigemptyset(&none);
  sigfillset(&every);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &every);
  ::posix_spawnattr_setpgroup(&attributes, 0);  // the terminal's Ctrl-C is for the host
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::string program = start.program, name = start.name;
  std::array<char*, 3> arguments{program.data(), name.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t process = -1;
  const int error =
      ::posix_spawn(&process, program.c_str(), &actions, &attributes, arguments.data(), environment);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0) refuse("The worker program " + start.program + " cannot be started", error);
  const auto handle = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  if (handle < 0) {
    const int reason = errno;
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
    refuse("The system gives no handle of a worker process (pidfd_open)", reason);
  }
  ::fcntl(handle, F_SETFD, FD_CLOEXEC);
  return {process, handle};
}

}  // namespace

struct WorkerKeeper::State {
  struct Heard {
    std::weak_ptr<WorkerEar> ear;
    const WorkerEar* name;
    enum class What { control, output, handle } what;
    int process, descriptor;
  };

  State();
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  void run();
  void hear(std::uint64_t key);
  void silence(std::uint64_t key);
  void wake() const { ::eventfd_write(wakeUp, 1); }

  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const int wakeUp = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::mutex mutex;
  std::vector<std::function<void()>> tasks;  ///< under mutex
  bool ending = false;                       ///< under mutex
  // The thread's alone.
  std::map<std::uint64_t, Heard> heard;
  std::uint64_t lastKey = 0;
};

WorkerKeeper::State::State() {
  if (epoll < 0 || wakeUp < 0) refuse("Workers cannot be watched", errno);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 0;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, wakeUp, &event);
}

WorkerKeeper::State::~State() {
  ::close(epoll);
  ::close(wakeUp);
}

void WorkerKeeper::State::silence(std::uint64_t key) {
  const auto found = heard.find(key);
  if (found == heard.end()) return;
  ::epoll_ctl(epoll, EPOLL_CTL_DEL, found->second.descriptor, nullptr);
  heard.erase(found);
}

void WorkerKeeper::State::hear(std::uint64_t key) {
  const auto found = heard.find(key);
  if (found == heard.end()) return;
  const auto entry = found->second;
  const auto ear = entry.ear.lock();
  switch (entry.what) {
    case Heard::What::control:
      if (!ear || !ear->controlReadable()) silence(key);
      return;
    case Heard::What::output:
      if (!ear || !ear->outputReadable()) silence(key);
      return;
    case Heard::What::handle: {
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(entry.process), &info, WEXITED | WNOHANG) != 0 ||
          info.si_pid == 0)
        break;
      const bool killed = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
      silence(key);
      if (ear) ear->ended({killed ? info.si_status : 0, killed ? 0 : info.si_status});
    }
  }
}

void WorkerKeeper::State::run() {
  std::array<epoll_event, 32> events{};
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const auto key = events[static_cast<std::size_t>(i)].data.u64;
      if (key != 0) {
        hear(key);
        continue;
      }
      eventfd_t number;
      ::eventfd_read(wakeUp, &number);
    }
    std::vector<std::function<void()>> due;
    {
      const std::lock_guard lock(mutex);
      due.swap(tasks);
      if (due.empty() && ending) return;
    }
    for (const auto& task : due) task();
  }
}

WorkerKeeper::WorkerKeeper() : _state(std::make_shared<State>()) {
  _thread = std::thread([state = _state] { state->run(); });
}

WorkerKeeper::~WorkerKeeper() {
  {
    const std::lock_guard lock(_state->mutex);
    _state->ending = true;
  }
  _state->wake();
  // Telling an instance of its worker may be what lets go of the last of everything.
  if (std::this_thread::get_id() == _thread.get_id())
    _thread.detach();
  else
    _thread.join();
}

void WorkerKeeper::onThread(const std::function<void()>& task) {
  if (std::this_thread::get_id() == _thread.get_id()) return task();
  std::promise<void> done;
  {
    const std::lock_guard lock(_state->mutex);
    _state->tasks.push_back([&] {
      try {
        task();
        done.set_value();
      } catch (...) {
        done.set_exception(std::current_exception());
      }
    });
  }
  _state->wake();
  done.get_future().get();
}

WorkerKeeper::Started WorkerKeeper::start(const Start& start) {
  Started started;
  onThread([&] { started = spawn(start); });
  return started;
}

void WorkerKeeper::listen(const std::shared_ptr<WorkerEar>& ear, int control, int output, int handle,
                          int process) {
  using What = State::Heard::What;
  onThread([&] {
    const auto add = [&](What what, int descriptor) {
      const auto key = ++_state->lastKey;
      _state->heard[key] = {ear, ear.get(), what, process, descriptor};
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = key;
      ::epoll_ctl(_state->epoll, EPOLL_CTL_ADD, descriptor, &event);
    };
    add(What::control, control);
    add(What::output, output);
    add(What::handle, handle);
  });
}

void WorkerKeeper::forget(const WorkerEar& ear) {
  onThread([&] {
    for (auto entry = _state->heard.begin(); entry != _state->heard.end();) {
      const auto key = (entry++)->first;
      if (_state->heard[key].name == &ear) _state->silence(key);
    }
  });
}

}  // namespace dispatch::plugin
