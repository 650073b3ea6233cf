#include "base/base.hpp"
#include "cli/control_socket.hpp"
#include "cli/installation.hpp"
#include "cli/local_commands.hpp"
#include "cli/process.hpp"
#include "cli/server.hpp"
#include "cli/stray_ids.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <thread>

namespace dispatch::cli {

namespace {

std::optional<Json> ask(const config::Settings& settings, const std::string& command) {
  return ControlSocket::ask(controlSocketPath(settings), command, {{"actor", callerName()}});
}

/// Starts this program again, apart from the terminal, and waits until it answers or has ended.
int startInBackground(const config::Settings& settings, const Invocation& invocation) {
  std::vector<std::string> words{
      "dispatch", "server",          "start",
      "--quiet",  "--database-wait", std::to_string(invocation.args.value("database_wait", 30))};
  if (invocation.configDirectory) words.insert(words.end(), {"--config", *invocation.configDirectory});
  if (const auto host = invocation.settings.find("DISPATCH_HOST"); host != invocation.settings.end())
    words.insert(words.end(), {"--host", host->second});
  if (const auto port = invocation.settings.find("DISPATCH_PORT"); port != invocation.settings.end())
    words.insert(words.end(), {"--port", port->second});
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int errors[2];
  if (::pipe2(errors, O_CLOEXEC) != 0) throw Problem(Problem::Kind::internal, "No pipe could be made");
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    const int none = ::open("/dev/null", O_RDWR);
    ::dup2(none, 0);
    ::dup2(none, 1);
    ::dup2(errors[1], 2);
    ::execv("/proc/self/exe", argv.data());
    ::_exit(127);
  }
  ::close(errors[1]);
  if (child < 0) throw Problem(Problem::Kind::internal, "No process could be made");
  const auto limit = std::chrono::steady_clock::now() +
                     std::chrono::seconds(60 + invocation.args.value("database_wait", 30));
  while (std::chrono::steady_clock::now() < limit) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) {
      std::string said;
      char part[4096];
      for (ssize_t size; (size = ::read(errors[0], part, sizeof part)) > 0;)
        said.append(part, static_cast<std::size_t>(size));
      std::cerr << said;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    const auto answer = ask(settings, "server.status");
    if (answer && answer->value("pid", 0) == child) {
      // What the log says at the start, said to who started it.
      for (const auto& warning : settings.warnings()) std::cerr << "dispatch: warning: " << warning << "\n";
      for (const auto& warning : strayIds(settings)) std::cerr << "dispatch: warning: " << warning << "\n";
      std::cout << "The server runs in the background (process " << child << ") on http://"
                << textOr(*answer, "address") << "\n";
      return 0;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  throw Problem(Problem::Kind::unavailable,
                "The server did not answer in time; its log is in " + settings.paths().log);
}

}  // namespace

int startServer(const config::Settings& settings, const Invocation& invocation) {
  if (const auto running = ask(settings, "server.status"))
    throw Problem(Problem::Kind::conflict,
                  "A Dispatch server runs here already (process " + std::to_string(running->value("pid", 0)) +
                      ", http://" + textOr(*running, "address") + "). Stop it with: dispatch server stop");
  if (invocation.args.value("background", false)) return startInBackground(settings, invocation);
  becomeOwnerOf(settings.paths().var);
  ServerOptions options;
  options.databaseWait = std::chrono::seconds(invocation.args.value("database_wait", 30));
  options.quiet = invocation.args.value("quiet", false);
  Installation installation(settings);
  return runServer(installation, options);
}

int superviseServer(const config::Settings& settings, const Invocation& invocation, const Show& show) {
  if (invocation.command == "server.status") {
    const auto running = ask(settings, "server.status");
    show(invocation, running ? *running : Json{{"running", false}, {"socket", controlSocketPath(settings)}});
    return running ? 0 : 1;
  }
  const auto stopping = ask(settings, "server.stop");
  if (!stopping) {
    show(invocation, {{"running", false}});
    return 0;
  }
  const auto pid = static_cast<pid_t>(stopping->value("pid", 0));
  const auto gone = [&] { return pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH); };
  for (int tenths = 0; tenths < 300 && !gone(); ++tenths)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  if (!gone())
    throw Problem(Problem::Kind::unavailable, "The server (process " + std::to_string(pid) +
                                                  ") is still ending after 30 s; its log is in " +
                                                  settings.paths().log);
  show(invocation, {{"stopped", true}, {"pid", pid}});
  return 0;
}

}  // namespace dispatch::cli
