#pragma once

#include "base/json.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

class HostCall;

/// A program that the operator lets a plugin run (dispatch.exec/1). From dispatch.yaml:
/// `commands: [{plugin: acme-backup, name: snapshot, run: [/usr/local/bin/snapshot, --json], timeout: 30}]`.
struct Command {
  std::string pluginId, name;
  std::vector<std::string> argv;              ///< the program, by its full path, and its arguments
  std::chrono::milliseconds timeout{30'000};  ///< one second to an hour
};

/// `commands:` of dispatch.yaml; none if absent. Throws Problem(invalid) with the entry, what is wrong and
/// what is expected.
std::vector<Command> readCommands(const Json& yaml);

struct CommandResult {
  int exitCode = 0;  ///< 128 + the signal's number where one ended it
  std::string output, errorOutput;
};

/// Runs it with `input` as its standard input, and waits: at most until its time limit or the call's end. Its
/// process group ends with it. Throws ServiceRefusal: UNAVAILABLE (not started, or eight run already),
/// TIMEOUT, CANCELLED, LIMIT (more than 1 MiB of output). [call-thread]
CommandResult runCommand(const Command& command, std::string_view input, HostCall& call);

}  // namespace dispatch::plugin
