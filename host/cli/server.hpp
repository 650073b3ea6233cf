#pragma once

#include "cli/installation.hpp"

#include <chrono>

namespace dispatch::cli {

struct ServerOptions {
  std::chrono::seconds databaseWait{30};  ///< how long to wait for PostgreSQL
  bool quiet = false;                     ///< no log on standard output
};

/// Runs the server until SIGTERM or SIGINT (or `dispatch server stop`): a Poco::Util::ServerApplication whose
/// subsystems start in order and stop in reverse. Throws Problem if it cannot start. Returns the exit code.
/// Call before any thread is started.
int runServer(Installation& installation, const ServerOptions& options);

std::string controlSocketPath(const config::Settings& settings);

}  // namespace dispatch::cli
