#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dispatch::cli {

/// Tells of plugins whose packages have changed on the disk, once nothing of them has moved for a whole
/// period: half a copy is not news. It looks instead of being notified, which a network file system would not
/// do; twenty packages take it well under a millisecond.
class PackageWatch {
 public:
  /// `changed` is called on the watch's thread with an id, and must not throw. What lies there at the
  /// beginning is no change.
  PackageWatch(std::vector<std::string> directories, std::function<void(const std::string& id)> changed,
               std::chrono::milliseconds period = std::chrono::seconds(2));
  ~PackageWatch();  ///< waits for a call under way
  PackageWatch(const PackageWatch&) = delete;
  PackageWatch& operator=(const PackageWatch&) = delete;

 private:
  using Seen = std::map<std::string, std::string>;  ///< by id: every file with its size and times
  Seen look() const;
  void watch();

  std::vector<std::string> _directories;
  std::function<void(const std::string& id)> _changed;
  std::chrono::milliseconds _period;
  Seen _told;
  std::mutex _mutex;
  std::condition_variable _wakes;
  bool _stopping = false;
  std::thread _thread;
};

}  // namespace dispatch::cli
