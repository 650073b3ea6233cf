#pragma once

#include "base/json.hpp"
#include "cli/installation.hpp"
#include "cli/rooms.hpp"

#include <functional>
#include <map>
#include <string>

namespace dispatch::cli {

/// What a command works with, in the running server or in a process of its own.
struct CommandContext {
  Installation& installation;
  std::function<Rooms&()> rooms;  ///< made when first asked for, in a process of its own
  std::string hostId;
};

/// A command that touches data: one implementation for both places. `args` is what the command line read,
/// with "actor" for the audit. Throws Problem.
using Command = std::function<Json(CommandContext& context, const Json& args)>;

/// By name: "user.update", "plugins.list", …
const std::map<std::string, Command>& commands();
Json runCommand(CommandContext& context, const std::string& name, const Json& args);

void addUserCommands(std::map<std::string, Command>& all);
void addPluginCommands(std::map<std::string, Command>& all);
void addPackageCommands(std::map<std::string, Command>& all);
void addOtherCommands(std::map<std::string, Command>& all);

/// Fills the default organization with people, services, types and incidents to look at. Again: changes
/// nothing.
Json loadDemo(CommandContext& context);

}  // namespace dispatch::cli
