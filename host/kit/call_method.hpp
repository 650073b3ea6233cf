#pragma once

#include "kit/bench.hpp"

#include <chrono>
#include <string>

namespace dispatch::kit {

struct CallMethodOptions {
  std::string method;           ///< of its contract; also test, describe, authenticate, decrypt, encrypt
  Json input = Json::object();  ///< for decrypt and encrypt: {"name", "text"}
  Json configuration;           ///< null: the smallest that the schema allows
  std::string home = "both";
  bool allowPrivate = false;  ///< its destinations may be in private networks
};

/// Calls one method of the package in `directory`, in a process of its own per home, with the network of this
/// machine. Answers a list of {"home", "ok", "status", "message", "answer", "milliseconds", "log"}. Throws
/// Problem where the package or the configuration is not sound.
Json callMethod(const Equipment& equipment, const std::string& directory, const CallMethodOptions& options);

}  // namespace dispatch::kit
