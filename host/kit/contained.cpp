#include "kit/contained.hpp"

#include "base/problem.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <iostream>

namespace dispatch::kit {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t maxAnswerBytes = 8u << 20;
constexpr std::size_t maxOutputBytes = 4096;

/// socket(AF_INET…) and socket(AF_INET6…) answer ENETUNREACH from now on, here and in what this process
/// starts. A worker's own sandbox comes on top of it: the harder of the two answers counts.
void cutOffNetwork() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENETUNREACH),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    throw Problem(
        Problem::Kind::unavailable,
        std::string("The network cannot be taken from a check (seccomp: ") + std::strerror(errno) +
            "), and without that a plugin could reach real systems with it. Run it on a kernel with "
            "seccomp.");
}

void writeAll(int descriptor, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto count = ::write(descriptor, text.data() + at, text.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    at += static_cast<std::size_t>(count);
  }
}

[[noreturn]] void beChild(const std::function<Json()>& work, int answer, int output, ::pid_t parent,
                          Network network) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  Json message;
  try {
    if (network == Network::none) cutOffNetwork();
    message["answer"] = work();
  } catch (const std::exception& error) {
    message["failed"] = error.what();
  } catch (...) {
    message["failed"] = "an exception that is no std::exception";
  }
  std::cout.flush();
  writeAll(answer, dumpJson(message));
  ::_exit(0);
}

std::string readOutput(int descriptor) {
  std::string text(maxOutputBytes, '\0');
  const auto count = ::pread(descriptor, text.data(), text.size(), 0);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

std::string endOf(int status) {
  if (WIFSIGNALED(status))
    return "crashed by signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) +
           ")";
  return "left its process with exit code " + std::to_string(WEXITSTATUS(status)) +
         ", which a plugin must never do";
}

}  // namespace

Contained runContained(const std::function<Json()>& work, std::chrono::milliseconds limit, Network network) {
  int ends[2];
  const int output = ::memfd_create("output", MFD_CLOEXEC);
  if (output < 0 || ::pipe2(ends, O_CLOEXEC) != 0)
    throw Problem(Problem::Kind::unavailable, std::string("No pipe for a check: ") + std::strerror(errno));
  const auto began = Clock::now();
  const auto parent = ::getpid();
  std::cout.flush();
  const auto child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    beChild(work, ends[1], output, parent, network);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    ::close(output);
    throw Problem(Problem::Kind::unavailable, std::string("No process for a check: ") + std::strerror(errno));
  }
  Contained result;
  std::string text;
  int status = 0;
  bool ended = false, late = false;
  // Until the child has ended, not until the pipe is closed: a plugin may have left a process of its own
  // behind.
  for (bool open = true; open || !ended;) {
    pollfd wanted{ends[0], POLLIN, 0};
    const bool ready = open && ::poll(&wanted, 1, ended ? 0 : 20) > 0;
    if (ready) {
      char piece[65536];
      const auto count = ::read(ends[0], piece, sizeof piece);
      if (count > 0 && text.size() < maxAnswerBytes) text.append(piece, static_cast<std::size_t>(count));
      if (count == 0) open = false;
      if (count > 0) continue;
    } else if (ended) {
      open = false;
    } else if (!open) {
      ::usleep(2000);
    }
    if (!ended && ::waitpid(child, &status, WNOHANG) == child) ended = true;
    if (!ended && !late && Clock::now() - began > limit) {
      late = true;
      ::kill(child, SIGKILL);
    }
  }
  ::close(ends[0]);
  result.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  result.output = readOutput(output);
  ::close(output);
  const auto message = Json::parse(text, nullptr, false);
  if (late)
    result.end = "did not end within " + std::to_string(limit.count()) + " ms and was killed";
  else if (message.is_object() && message.contains("answer"))
    result.answered = true, result.answer = message["answer"];
  else if (message.is_object() && message.contains("failed"))
    result.end = "failed: " + textOr(message, "failed");
  else
    result.end = endOf(status);
  return result;
}

}  // namespace dispatch::kit
