#pragma once

#include "auth/generation.hpp"
#include "auth/principal.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace dispatch::auth {

/// Principals by the digest of what proved them, for some seconds and only while nobody's access changed.
/// `Extra` travels along. [any-thread]
template <class Extra>
class PrincipalCache {
 public:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    Principal principal;
    Extra extra;
    std::uint64_t generation = 0;
    Clock::time_point until;
  };

  std::optional<Entry> find(const std::string& key) {
    std::lock_guard lock(_mutex);
    const auto found = _entries.find(key);
    if (found == _entries.end()) return std::nullopt;
    if (found->second.generation != generation() || found->second.until < Clock::now()) {
      _entries.erase(found);
      return std::nullopt;
    }
    return found->second;
  }

  /// `generation` as it was before the database was asked: a change in between makes the entry stale at once.
  void put(const std::string& key, Principal principal, Extra extra, std::uint64_t generation) {
    std::lock_guard lock(_mutex);
    if (_entries.size() >= largest) _entries.clear();
    _entries[key] = {std::move(principal), std::move(extra), generation,
                     Clock::now() + std::chrono::seconds(10)};
  }

  template <class Change>
  void touch(const std::string& key, Change change) {
    std::lock_guard lock(_mutex);
    if (const auto found = _entries.find(key); found != _entries.end()) change(found->second.extra);
  }

 private:
  static constexpr std::size_t largest = 20000;
  std::mutex _mutex;
  std::unordered_map<std::string, Entry> _entries;
};

}  // namespace dispatch::auth
