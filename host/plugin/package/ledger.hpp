#pragma once

#include "base/json.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::plugin {

/// What the host remembers of packages across restarts: the highest version of each plugin that ever served,
/// what the operator pinned, and packages that are kept from running because they crashed.
///
/// A JSON file, written whole and atomically. Several processes may have it open (the server and a command):
/// each change is made on the newest content, under a lock, and what another process wrote is seen by the
/// next question. [any-thread]
class Ledger {
 public:
  struct Pin {
    std::string version;
    std::string at, by;         ///< instant, who
    std::string downgradeFrom;  ///< "" or the higher version that had served when it was made
  };
  struct Quarantine {
    std::string since;  ///< instant of the first time
    int crashes = 0;    ///< how often it was put here
    std::string reason;
  };

  /// Nothing is made before the first change. A file that is damaged is put aside as
  /// `<path>.damaged-<instant>` with a line in the log, and the ledger starts empty: never a reason not to
  /// start. One that cannot be read counts as empty and is never written over.
  explicit Ledger(std::string path);

  const std::string& path() const { return _path; }

  /// The version that nothing lower may follow without the operator; "" if none ever served.
  std::string highestServed(const std::string& id) const;
  /// An instance of this version was started. Cheap where nothing new is learnt. Never throws: what cannot be
  /// written is logged once, and remembered by this process.
  void served(const std::string& id, const std::string& version) noexcept;

  std::optional<Pin> pinned(const std::string& id) const;
  std::map<std::string, Pin> pins() const;
  /// From now on this version, and no other, where it is installed; allows exactly this version to be lower
  /// than what served. Both are written to the log, with `by`. Throws Problem where it cannot be written.
  Pin pin(const std::string& id, const std::string& version, const std::string& by);
  /// False if there was no pin.
  bool unpin(const std::string& id, const std::string& by);

  /// Whether `version` may serve after what already served: not lower, or pinned.
  bool allows(const std::string& id, const std::string& version) const;

  /// Keeps the package with this digest from running until it is released; again: counts up. Written to the
  /// log. Never throws, as served().
  void quarantine(const std::string& digest, const std::string& reason) noexcept;
  /// False if it was not there. Throws Problem where it cannot be written.
  bool release(const std::string& digest, const std::string& by);
  std::optional<Quarantine> quarantined(const std::string& digest) const;
  std::map<std::string, Quarantine> quarantines() const;

 private:
  struct State {
    std::map<std::string, std::string> served;
    std::map<std::string, Pin> pins;
    std::map<std::string, Quarantine> quarantines;
  };
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t seconds = 0, nanoseconds = 0, size = -1;
    bool operator==(const Stamp&) const = default;
  };

  static State read(const Json& json);
  static Json write(const State& state);
  /// Under _mutex: reads the file again if it is another one.
  void refresh() const;
  /// Under _mutex and the file's lock.
  void change(const std::function<void(State&)>& change);
  void changeOrLog(const std::function<void(State&)>& change) noexcept;

  std::string _path;
  mutable std::mutex _mutex;
  mutable State _state;
  mutable Stamp _stamp;
  mutable bool _unreadable = false;
  bool _complained = false;
};

}  // namespace dispatch::plugin
