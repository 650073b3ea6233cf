#include "integrations/shadow.hpp"

#include <Poco/Logger.h>

#include <algorithm>
#include <utility>

namespace dispatch::integrations {

namespace {

using Pointer = Json::json_pointer;

constexpr std::size_t longestPath = 200;  // bytes

std::string said(const Pointer& at, const char* what) {
  auto path = at.to_string();
  if (path.empty()) return std::string("the answer as a whole ") + what;
  if (path.size() > longestPath) {
    auto end = longestPath;
    while (end > 0 && (static_cast<unsigned char>(path[end]) & 0xc0) == 0x80) --end;  // whole characters
    path = path.substr(0, end) + "…";
  }
  return path + ' ' + what;
}

std::optional<std::string> difference(const Json& before, const Json& now, const Pointer& at) {
  if (before.is_object() && now.is_object()) {
    for (const auto& [key, value] : before.items()) {
      const auto found = now.find(key);
      if (found == now.end()) return said(at / key, "is missing");
      if (auto inner = difference(value, *found, at / key)) return inner;
    }
    for (const auto& [key, value] : now.items())
      if (!before.contains(key)) return said(at / key, "is new");
    return std::nullopt;
  }
  if (before.is_array() && now.is_array()) {
    const auto common = std::min(before.size(), now.size());
    for (std::size_t i = 0; i < common; ++i)
      if (auto inner = difference(before[i], now[i], at / i)) return inner;
    if (before.size() > common) return said(at / common, "is missing");
    if (now.size() > common) return said(at / common, "is new");
    return std::nullopt;
  }
  if (before == now) return std::nullopt;
  const bool sameType = before.type() == now.type() || (before.is_number() && now.is_number());
  return said(at, sameType ? "has another value" : "has another type");
}

/// Of two calls that both say something of the plugin's answer.
std::optional<std::string> difference(const plugin::JsonOutcome& before, const plugin::JsonOutcome& now) {
  if (before.ok() && now.ok()) return firstDifference(before.value, now.value);
  if (before.status == now.status) return std::nullopt;
  return before.ok() ? "it is refused, and was answered before"
         : now.ok()  ? "it is answered, and was refused before"
                     : "it is refused in another way";
}

}  // namespace

std::optional<std::string> firstDifference(const Json& before, const Json& now) {
  return difference(before, now, Pointer());
}

Shadow::Shadow(std::function<bool()> mayRepeat, std::function<void(const plugin::Outcome&)> repeated)
    : _mayRepeat(std::move(mayRepeat)), _repeated(std::move(repeated)) {
  _thread = std::thread([this] { run(); });
}

Shadow::~Shadow() { stop(); }

void Shadow::add(const std::function<Call()>& make) {
  {
    const std::lock_guard lock(_mutex);
    if (_closed) return;
    if (_calls.size() + _coming >= longestQueue) {
      ++_counts.dropped;
      return;
    }
    ++_coming;
  }
  try {
    auto call = make();  // the copy may be large: nobody waits for it under the lock
    const std::lock_guard lock(_mutex);
    if (!_closed) _calls.push_back(std::move(call));
    --_coming;
  } catch (...) {
    const std::lock_guard lock(_mutex);
    --_coming;
    ++_counts.dropped;
  }
  _wakes.notify_one();
}

void Shadow::run() {
  std::unique_lock lock(_mutex);
  while (true) {
    _wakes.wait(lock, [this] { return _closed || !_calls.empty(); });
    if (_closed) return;
    const auto call = std::move(_calls.front());
    _calls.pop_front();
    lock.unlock();
    try {
      repeat(call);
    } catch (const std::exception& error) {
      Poco::Logger::get("dispatch.integrations")
          .warning("A call of %s could not be repeated: %s", call.name, std::string(error.what()));
    }
    lock.lock();
  }
}

void Shadow::repeat(const Call& call) {
  if (!_mayRepeat()) {
    const std::lock_guard lock(_mutex);
    ++_counts.dropped;
    return;
  }
  const auto outcome = call.repeat(_cancel);
  {
    const std::lock_guard lock(_mutex);
    if (_closed) return;  // it may have ended for that reason alone
  }
  if (!outcome.againstPlugin() && outcome.status != DISPATCH_ERR_CANCELLED) compare(call, outcome);
  _repeated(outcome);
}

void Shadow::compare(const Call& call, const plugin::JsonOutcome& outcome) {
  const auto found = difference(call.answer, outcome);
  const std::lock_guard lock(_mutex);
  ++_counts.compared;
  if (!found) return;
  ++_counts.differing;
  _counts.lastDifference = call.name + ": " + *found;
}

void Shadow::close() {
  std::deque<Call> calls;  // let go of outside the lock
  {
    const std::lock_guard lock(_mutex);
    if (_closed) return;
    _closed = true;
    calls.swap(_calls);
  }
  _wakes.notify_all();
  _cancel->cancel();
}

void Shadow::stop() {
  close();
  if (_thread.joinable()) _thread.join();
}

Shadow::Counts Shadow::counts() const {
  const std::lock_guard lock(_mutex);
  return _counts;
}

}  // namespace dispatch::integrations
