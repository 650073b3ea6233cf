#include "plugin/service/command.hpp"

#include "plugin/service/service_support.hpp"
#include "plugin/yaml_list.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

namespace dispatch::plugin {

namespace {

constexpr std::size_t maxOutputBytes = 1u << 20, maxErrorBytes = 64u << 10;
constexpr std::size_t maxArguments = 64;
constexpr std::int64_t maxSeconds = 3600;
constexpr int mostAtOnce = 8;

std::string systemText(int error) { return std::generic_category().message(error); }

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : _number(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : _number(std::exchange(other._number, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    _number = std::exchange(other._number, -1);
    return *this;
  }
  int get() const noexcept { return _number; }
  void close() {
    if (_number >= 0) ::close(_number);
    _number = -1;
  }

 private:
  int _number;
};

struct Pipe {
  Descriptor reading, writing;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw ServiceRefusal(DISPATCH_ERR_UNAVAILABLE, "there is no pipe for a command: " + systemText(errno));
    reading = Descriptor(ends[0]);
    writing = Descriptor(ends[1]);
  }
};

/// One of the few places at which commands may run.
class Place {
 public:
  Place() {
    if (_taken.fetch_add(1) < mostAtOnce) return;
    --_taken;
    throw ServiceRefusal(DISPATCH_ERR_UNAVAILABLE,
                         "there run " + std::to_string(mostAtOnce) + " commands already, which is the most",
                         1000);
  }
  ~Place() { --_taken; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  inline static std::atomic<int> _taken{0};
};

/// A program that runs in a process group of its own; ended with all of that group when this goes.
class Running {
 public:
  Running(const Command& command, int input, int output, int errors) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, input, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, 1);
    ::posix_spawn_file_actions_adddup2(&actions, errors, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    ::posix_spawn_file_actions_addchdir_np(&actions, "/");
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes,
                               POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> argv;
    for (const auto& argument : command.argv) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
         language[] = "LANG=C.UTF-8";
    char* environment[] = {path, language, nullptr};
    const int failed =
        ::posix_spawn(&_process, argv.front(), &actions, &attributes, argv.data(), environment);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (failed != 0)
      throw ServiceRefusal(DISPATCH_ERR_UNAVAILABLE, "the command " + command.name + " (" + argv.front() +
                                                         ") cannot be started: " + systemText(failed));
    _handle = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, _process, 0)));
    if (_handle.get() >= 0) return;
    const int error = errno;
    end();
    throw ServiceRefusal(DISPATCH_ERR_UNAVAILABLE,
                         "the command " + command.name + " cannot be waited for: " + systemText(error));
  }
  ~Running() { end(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  int handle() const noexcept { return _handle.get(); }  ///< readable once it has ended

  /// Its number stands for the group until it is waited for.
  void killGroup() const {
    if (_process > 0) ::kill(-_process, SIGKILL);
  }

  /// Kills what still runs of its group; how it itself ended.
  int end() {
    if (_process <= 0) return _status;
    killGroup();
    pollfd ended{_handle.get(), POLLIN, 0};
    constexpr int patienceMs = 1000;
    if (_handle.get() >= 0 && ::poll(&ended, 1, patienceMs) == 0)
      // It runs as somebody else (sudo), whom this user may not kill: only a thread of its own waits for
      // that.
      std::thread([process = _process] { waitFor(process); }).detach();
    else
      _status = waitFor(_process);
    _process = -1;
    return _status;
  }

 private:
  static int waitFor(pid_t process) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  pid_t _process = -1;
  int _status = 0;
  Descriptor _handle;
};

/// A program that does not read its input to the end is no reason for a signal to this one.
class NoBrokenPipe {
 public:
  NoBrokenPipe() {
    ::sigemptyset(&_pipe);
    ::sigaddset(&_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &_pipe, &_before);
  }
  ~NoBrokenPipe() {
    const timespec now{};
    if (::sigismember(&_before, SIGPIPE) == 0) {
      while (::sigtimedwait(&_pipe, nullptr, &now) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &_before, nullptr);
  }
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;

 private:
  sigset_t _pipe, _before;
};

/// Reads what is there; false at the end.
bool take(int descriptor, std::string& into, std::size_t most, bool& tooMuch) {
  std::array<char, 16u << 10> piece;
  const auto count = ::read(descriptor, piece.data(), piece.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  const auto fits = std::min(static_cast<std::size_t>(count), most - into.size());
  into.append(piece.data(), fits);
  tooMuch = tooMuch || fits < static_cast<std::size_t>(count);
  return count > 0;
}

}  // namespace

std::vector<Command> readCommands(const Json& yaml) {
  const YamlList list(
      yaml, "commands",
      "{plugin: acme-backup, name: snapshot, run: [/usr/local/bin/snapshot, --json], timeout: 30}");
  std::vector<Command> commands;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Command command;
    for (const auto& member : list.entry(i).items()) {
      const auto& key = member.key();
      const auto& value = member.value();
      const auto wrong = [&](const char* expected) {
        list.refuse(i, "has a `" + key + "` that is not " + expected + '.', key);
      };
      if (key == "plugin") {
        if (!value.is_string()) wrong("the id of a plugin");
        command.pluginId = value.get<std::string>();
      } else if (key == "name") {
        if (!value.is_string()) wrong("a name");
        command.name = value.get<std::string>();
      } else if (key == "timeout") {
        if (!value.is_number_integer() || value < 1 || value > maxSeconds) wrong("1 to 3600 seconds");
        command.timeout = std::chrono::seconds(value.get<std::int64_t>());
      } else if (key == "run") {
        if (!value.is_array() || value.empty() || value.size() > maxArguments)
          wrong("a list of the program and its arguments");
        for (const auto& part : value) {
          if (!part.is_string() || part.get<std::string>().find('\0') != std::string::npos)
            wrong("a list of texts (numbers in quotation marks)");
          command.argv.push_back(part.get<std::string>());
        }
        if (!command.argv.front().starts_with('/')) wrong("a program by its full path, from / on");
      } else {
        list.refuse(i, "has the unknown key `" + key + "`; known are plugin, name, run and timeout.", key);
      }
    }
    if (command.pluginId.empty()) list.refuse(i, "names no plugin.", "plugin");
    if (command.name.empty()) list.refuse(i, "has no name.", "name");
    if (command.argv.empty()) list.refuse(i, "does not say what to run.", "run");
    const bool twice = std::any_of(commands.begin(), commands.end(), [&](const Command& other) {
      return other.pluginId == command.pluginId && other.name == command.name;
    });
    if (twice)
      list.refuse(i, "gives plugin " + command.pluginId + " a second command " + command.name + '.', "name");
    commands.push_back(std::move(command));
  }
  return commands;
}

CommandResult runCommand(const Command& command, std::string_view input, HostCall& call) {
  const Place place;
  const NoBrokenPipe quiet;
  Pipe in, out, error;
  const Descriptor poke(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const HostCall::Hook hook(call, [number = poke.get()] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(number, &one, sizeof one);
  });
  Running running(command, in.reading.get(), out.writing.get(), error.writing.get());
  in.reading.close();
  out.writing.close();
  error.writing.close();
  ::fcntl(in.writing.get(), F_SETFL, O_NONBLOCK);
  const auto until = monotonicNs() + static_cast<std::uint64_t>(command.timeout.count()) * 1'000'000u;
  CommandResult result;
  bool ended = false, tooMuch = false, cut = false;
  while (!ended || out.reading.get() >= 0 || error.reading.get() >= 0) {
    if (input.empty()) in.writing.close();
    if (call.cancelled() && call.cancelReason() == DISPATCH_ERR_CANCELLED)
      throw ServiceRefusal(DISPATCH_ERR_CANCELLED, "cancelled while the command " + command.name + " ran");
    const auto now = monotonicNs();
    const auto left = std::min(now < until ? until - now : 0, call.remainingNs());
    if (left == 0)
      throw ServiceRefusal(
          DISPATCH_ERR_TIMEOUT,
          "the command " + command.name + " was ended: " +
              (now >= until ? "its time limit of " + std::to_string(command.timeout.count() / 1000) + " s"
                            : std::string("the deadline of the call")) +
              " has passed");
    // What it left behind may hold the pipes open: once it has ended only what is there is read.
    std::array<pollfd, 5> waiting{{{in.writing.get(), POLLOUT, 0},
                                   {out.reading.get(), POLLIN, 0},
                                   {error.reading.get(), POLLIN, 0},
                                   {ended ? -1 : running.handle(), POLLIN, 0},
                                   {poke.get(), POLLIN, 0}}};
    const auto ms = ended ? 0 : static_cast<int>(std::min<std::uint64_t>(left / 1'000'000 + 1, 60'000));
    const int ready = ::poll(waiting.data(), waiting.size(), ms);
    if (ready < 0 && errno != EINTR)
      throw ServiceRefusal(DISPATCH_ERR_INTERNAL, "a command cannot be waited for: " + systemText(errno));
    if (ready <= 0) {
      if (ended) break;
      continue;
    }
    if (waiting[0].revents != 0) {
      const auto count = ::write(in.writing.get(), input.data(), input.size());
      if (count > 0) input.remove_prefix(static_cast<std::size_t>(count));
      if (count < 0 && errno != EAGAIN && errno != EINTR) input = {};  // it does not read on: its own affair
    }
    if (waiting[1].revents != 0 && !take(out.reading.get(), result.output, maxOutputBytes, tooMuch))
      out.reading.close();
    if (waiting[2].revents != 0 && !take(error.reading.get(), result.errorOutput, maxErrorBytes, cut))
      error.reading.close();
    if (tooMuch)
      throw ServiceRefusal(DISPATCH_ERR_LIMIT,
                           "the command " + command.name + " was ended: it wrote more than 1 MiB");
    if (waiting[3].revents != 0) {
      ended = true;
      running.killGroup();  // what it left behind would write on
    }
  }
  const int status = running.end();
  result.exitCode = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace dispatch::plugin
