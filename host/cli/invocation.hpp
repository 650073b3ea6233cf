#pragma once

#include "base/json.hpp"

#include <map>
#include <optional>
#include <string>

namespace dispatch::cli {

/// A command line, understood.
struct Invocation {
  std::string command;  ///< "user.update"
  Json args = Json::object();
  std::optional<std::string> configDirectory;
  bool json = false;
  std::map<std::string, std::string> settings;  ///< of the command line: over the environment
};

/// Reads it. What is answered at once (--help, --version) or wrong is printed; then `exitCode` is set and
/// nothing is to be run.
Invocation readCommandLine(int argc, char** argv, std::optional<int>& exitCode);

}  // namespace dispatch::cli
