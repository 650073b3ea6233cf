#pragma once

#include "wire/wire.hpp"

#include <string>

namespace dispatch::worker {

/// What the kernel keeps from this process. Every step is on before a byte of the plugin runs (its
/// constructors run inside dlopen), and none can be taken back. A kernel without Landlock or seccomp is
/// reported, not fatal: the host shows the level.
class Sandbox {
 public:
  /// The user, limits, no new privileges, Landlock without a single rule (no file can be opened by name, none
  /// made), and the first list of system calls: what loading a library needs; the host is
  /// told of what is refused (Denials). Throws std::system_error where a step that must work does not.
  static wire::SandboxLevel enter(const wire::Setup& setup);

  /// The second list, for all threads: no more opening of files, no new executable memory. After `create`.
  static void seal();
};

}  // namespace dispatch::worker
