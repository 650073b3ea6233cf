#pragma once

#include "base/json.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace dispatch::cli {

/// A unix socket in the run directory, mode 0600, on which the running server does what a command asks: so a
/// change acts at once and no second process writes the data. Only root and the server's own user are
/// listened to (SO_PEERCRED).
class ControlSocket {
 public:
  /// Runs a command; throws Problem. [any-thread]
  using Handler = std::function<Json(const std::string& command, const Json& args)>;

  /// Throws Problem(conflict) if a server answers there already, Problem(invalid) if it cannot be made.
  ControlSocket(std::string path, Handler handler);
  ~ControlSocket();  ///< waits for commands in flight
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  /// Asks the server behind `path`. nullopt: none is running. Throws the server's Problem, or
  /// Problem(unavailable) if it breaks off.
  static std::optional<Json> ask(const std::string& path, const std::string& command, const Json& args);

 private:
  void accept();
  void serve(int connection);

  std::string _path;
  Handler _handler;
  int _listener = -1;
  int _wake[2] = {-1, -1};
  std::atomic<int> _serving{0};
  std::thread _thread;
};

}  // namespace dispatch::cli
