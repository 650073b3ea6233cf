#include "plugin/instance.hpp"

namespace dispatch::plugin {

void Cancellation::cancel() {
  const std::lock_guard lock(_mutex);
  if (_cancelled) return;
  _cancelled = true;
  for (const auto& entry : _wakes) entry.second();
}

bool Cancellation::cancelled() const {
  const std::lock_guard lock(_mutex);
  return _cancelled;
}

std::uint64_t Cancellation::attach(std::function<void()> wake) {
  const std::lock_guard lock(_mutex);
  if (_cancelled) wake();
  const auto id = ++_lastId;
  _wakes.emplace(id, std::move(wake));
  return id;
}

void Cancellation::detach(std::uint64_t id) {
  const std::lock_guard lock(_mutex);
  _wakes.erase(id);
}

}  // namespace dispatch::plugin
