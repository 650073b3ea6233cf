#pragma once

#include "plugin/instance.hpp"

#include <deque>
#include <mutex>
#include <vector>

namespace dispatch::plugin {

/// The last requests an instance made, for the plugins page: what was asked of whom, and what came of it.
/// [any-thread]
class OutboundLog {
 public:
  void add(Instance::Outbound entry) {
    const std::lock_guard lock(_mutex);
    _entries.push_back(std::move(entry));
    if (_entries.size() > most) _entries.pop_front();
  }
  std::vector<Instance::Outbound> list() const {
    const std::lock_guard lock(_mutex);
    return {_entries.rbegin(), _entries.rend()};
  }

 private:
  static constexpr std::size_t most = 100;
  mutable std::mutex _mutex;
  std::deque<Instance::Outbound> _entries;
};

}  // namespace dispatch::plugin
