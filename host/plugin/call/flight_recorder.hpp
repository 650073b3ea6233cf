#pragma once

#include "plugin/crash_history.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// Which plugin calls are under way, kept in a file that outlives a crash: a crash in a plugin takes the host
/// down, and the next start should say whose it was. The file is mapped into memory, so that noting a call
/// costs a few stores and no system call; the kernel keeps what was written when the process dies. One file
/// per process, locked while it lives.
class FlightRecorder {
 public:
  /// Opens a record of this process in `directory` (made if missing); those that crashed processes left there
  /// stay, for the server to tell of (CrashHistory). Throws Problem(unavailable) where the directory cannot
  /// be used. Installs handlers for SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT that note the signal and the
  /// thread's call, and then let the signal take its course; not in a sanitized host.
  static std::unique_ptr<FlightRecorder> open(const std::string& directory);
  ~FlightRecorder();  ///< removes the file: this process ended in order
  FlightRecorder(const FlightRecorder&) = delete;
  FlightRecorder& operator=(const FlightRecorder&) = delete;

  /// A record whose process has ended without removing it.
  struct Left {
    std::string path;
    std::optional<Crash> crash;  ///< nullopt: it tells of nothing, as when a process is killed at leisure
  };
  static std::vector<Left> left(const std::string& directory);

  struct Entry;
  /// While it lives, the call stands in the record. [any-thread]; where all places are taken the call is not
  /// recorded.
  class Flight {
   public:
    struct Call {
      std::string_view plugin, version, buildId, method;
      std::uint64_t requestId = 0;
    };
    Flight(FlightRecorder* recorder, const Call& call) noexcept;
    ~Flight();
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;

   private:
    Entry* _entry = nullptr;
    Entry* _outer = nullptr;
  };

 private:
  struct File;
  FlightRecorder() = default;
  static std::optional<Crash> read(int descriptor);

  int _descriptor = -1;
  std::string _path;
  File* _file = nullptr;
};

}  // namespace dispatch::plugin
