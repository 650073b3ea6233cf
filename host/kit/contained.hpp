#pragma once

#include "base/json.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace dispatch::kit {

/// How something ended that ran in a process of its own.
struct Contained {
  bool answered = false;
  Json answer;
  std::string end;     ///< where it did not answer: "crashed by signal 11 (Segmentation fault)", …
  std::string output;  ///< what it wrote to standard output and error, 4 KiB at most
  double milliseconds = 0;
};

enum class Network {
  none,  ///< no Internet sockets (seccomp, so no rights are needed)
  host   ///< what this process has
};

/// Runs `work` in a child of this process that ends with it. After `limit` it is killed. An exception of
/// `work` is an end: "failed: " and its words. This process must have one thread only. Throws
/// Problem(unavailable) where the system has no more processes.
Contained runContained(const std::function<Json()>& work, std::chrono::milliseconds limit,
                       Network network = Network::none);

}  // namespace dispatch::kit
