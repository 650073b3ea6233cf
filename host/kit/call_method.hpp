#pragma once

#include "kit/bench.hpp"
#include "kit/files.hpp"

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

/// A package that is sound, as a copy of the bytes that were checked.
class RunnablePackage {
 public:
  /// Throws Problem with the first check that failed.
  RunnablePackage(const Equipment& equipment, const std::string& directory);
  const plugin::Manifest& manifest() const { return _manifest; }
  const std::string& searchPath() const { return _copy.path(); }
  /// `given`, or where that is null the smallest that the schema allows. Throws Problem where it breaks the
  /// schema.
  Json configuration(const Json& given) const;

 private:
  plugin::Manifest _manifest;
  TemporaryDirectory _copy;
};

/// One call by the name of its method, as `run` takes it.
plugin::JsonOutcome callNamed(plugin::Instance& instance, const std::string& method, const Json& input,
                              const plugin::CallOptions& options);

/// Calls one method of the package in `directory`, in a process of its own per home, with the network of this
/// machine. Answers a list of {"home", "ok", "status", "message", "answer", "milliseconds", "log"}. Throws
/// Problem where the package or the configuration is not sound.
Json callMethod(const Equipment& equipment, const std::string& directory, const CallMethodOptions& options);

}  // namespace dispatch::kit
