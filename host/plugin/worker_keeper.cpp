#include "plugin/worker_keeper.hpp"

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
#include <future>
#include <system_error>

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

WorkerKeeper::WorkerKeeper()
    : _epoll(::epoll_create1(EPOLL_CLOEXEC)), _wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (_epoll < 0 || _wake < 0) refuse("Workers cannot be watched", errno);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 0;
  ::epoll_ctl(_epoll, EPOLL_CTL_ADD, _wake, &event);
  _thread = std::thread([this] { run(); });
}

WorkerKeeper::~WorkerKeeper() {
  {
    const std::lock_guard lock(_mutex);
    _ending = true;
  }
  wake();
  _thread.join();
  ::close(_epoll);
  ::close(_wake);
}

void WorkerKeeper::wake() const { ::eventfd_write(_wake, 1); }

void WorkerKeeper::onThread(const std::function<void()>& task) {
  if (std::this_thread::get_id() == _thread.get_id()) return task();
  std::promise<void> done;
  {
    const std::lock_guard lock(_mutex);
    _tasks.push_back([&] {
      try {
        task();
        done.set_value();
      } catch (...) {
        done.set_exception(std::current_exception());
      }
    });
  }
  wake();
  done.get_future().get();
}

WorkerKeeper::Started WorkerKeeper::start(const Start& start) {
  Started started;
  onThread([&] { started = spawn(start); });
  return started;
}

void WorkerKeeper::listen(const std::shared_ptr<WorkerEar>& ear, int control, int output, int handle,
                          int process) {
  onThread([&] {
    const auto add = [&](Heard::What what, int descriptor) {
      const auto key = ++_lastKey;
      _heard[key] = {ear, ear.get(), what, process};
      _descriptors[key] = descriptor;
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = key;
      ::epoll_ctl(_epoll, EPOLL_CTL_ADD, descriptor, &event);
    };
    add(Heard::What::control, control);
    add(Heard::What::output, output);
    add(Heard::What::handle, handle);
  });
}

void WorkerKeeper::forget(const WorkerEar& ear) {
  onThread([&] {
    std::erase_if(_heard, [&](const auto& entry) {
      if (entry.second.name != &ear) return false;
      ::epoll_ctl(_epoll, EPOLL_CTL_DEL, _descriptors[entry.first], nullptr);
      _descriptors.erase(entry.first);
      return true;
    });
  });
}

void WorkerKeeper::hear(std::uint64_t key) {
  const auto found = _heard.find(key);
  if (found == _heard.end()) return;
  const auto heard = found->second;
  const auto silence = [&] {
    ::epoll_ctl(_epoll, EPOLL_CTL_DEL, _descriptors[key], nullptr);
    _descriptors.erase(key);
    _heard.erase(key);
  };
  const auto ear = heard.ear.lock();
  switch (heard.what) {
    case Heard::What::control:
      if (!ear || !ear->controlReadable()) silence();
      return;
    case Heard::What::output:
      if (!ear || !ear->outputReadable()) silence();
      return;
    case Heard::What::handle: {
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(heard.process), &info, WEXITED | WNOHANG) != 0 ||
          info.si_pid == 0)
        break;
      const bool killed = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
      silence();
      if (ear) ear->ended({killed ? info.si_status : 0, killed ? 0 : info.si_status});
    }
  }
}

void WorkerKeeper::run() {
  std::array<epoll_event, 32> events{};
  for (;;) {
    const int count = ::epoll_wait(_epoll, events.data(), static_cast<int>(events.size()), -1);
    std::vector<std::function<void()>> tasks;
    for (int i = 0; i < count; ++i) {
      const auto key = events[static_cast<std::size_t>(i)].data.u64;
      if (key != 0) {
        hear(key);
        continue;
      }
      eventfd_t number;
      ::eventfd_read(_wake, &number);
    }
    {
      const std::lock_guard lock(_mutex);
      tasks.swap(_tasks);
      if (tasks.empty() && _ending) return;
    }
    for (const auto& task : tasks) task();
  }
}

}  // namespace dispatch::plugin
