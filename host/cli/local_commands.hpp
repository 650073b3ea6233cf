#pragma once

#include "cli/invocation.hpp"
#include "config/config.hpp"

#include <functional>
#include <optional>

namespace dispatch::cli {

using Show = std::function<void(const Invocation&, const Json&)>;

/// `secret generate`, `secret keygen`: work on a machine where nothing is set up. nullopt: another command.
std::optional<Json> runWithoutSettings(const Invocation& invocation);

/// Commands that never go to a running server: `server config`, `secret encrypt|doctor`, `database …`.
/// nullopt: another command.
std::optional<Json> runLocally(const config::Settings& settings, const Invocation& invocation);
/// `plugins verify|install|trust …`: an operator's, who may read and write those files. nullopt: another one.
std::optional<Json> runOnPackages(const config::Settings& settings, const Invocation& invocation);
/// Of `secret doctor`.
bool allWell(const Json& findings);

/// `server start`, in this process or (--background) in one of its own. Returns the exit code.
int startServer(const config::Settings& settings, const Invocation& invocation);
/// `server status` and `server stop`.
int superviseServer(const config::Settings& settings, const Invocation& invocation, const Show& show);

}  // namespace dispatch::cli
