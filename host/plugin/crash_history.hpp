#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// A process that ended without stopping its plugins, and which of their calls were under way in it.
struct Crash {
  struct Call {
    std::string plugin, version, buildId, method;
    std::uint64_t requestId = 0;
    bool crashed = false;  ///< the signal came in the thread of this call
  };
  Instant at;
  int process = 0;
  int signal = 0;  ///< SIGSEGV, …; 0 = none was caught: killed, power cut, or the stack overflowed
  std::optional<std::chrono::seconds> ran;  ///< from its first look at the plugins to its end
  std::vector<Call> calls;

  /// Ids of the plugin whose thread crashed, or of all that were at work when nothing tells which. None where
  /// no signal was caught: kill -9 is no plugin's fault.
  std::vector<std::string> suspects() const;
  bool suspects(std::string_view id) const;
  /// "by signal 11 (Segmentation fault), 3 s after it began".
  std::string how() const;
  /// Those that count as at work, "plugin acme-jira 1.2.0 in create (request 7)"; "" = none was.
  std::string atWork() const;
};

/// The crashes of the processes that used a directory of crash records: what FlightRecorder left there, and
/// those that a server's start has taken into `crashes.json` beside them.
class CrashHistory {
 public:
  explicit CrashHistory(std::string directory) : _directory(std::move(directory)) {}

  /// What lies there since the last time, oldest first; it is remembered, and does not come again. For the
  /// start of a server, which tells its operator; everybody else only looks. Throws Problem(unavailable)
  /// where it cannot be remembered: it then stays, and comes again.
  std::vector<Crash> take() const;
  /// All that are known, oldest first: the last 50, and what was not taken yet. Throws nothing: what cannot
  /// be read is not known.
  std::vector<Crash> all() const;
  /// The last one of which `id` is a suspect.
  std::optional<Crash> lastOf(std::string_view id) const;

 private:
  std::vector<Crash> remembered() const;
  std::string path() const { return _directory + "/crashes.json"; }

  std::string _directory;
};

}  // namespace dispatch::plugin
