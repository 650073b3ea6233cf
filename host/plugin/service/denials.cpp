#include "plugin/service/denials.hpp"

#include "plugin/call/host_call.hpp"
#include "plugin/service/service_support.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

// More different things than there are to be tried; a worker that makes numbers up has one line for the rest.
constexpr std::size_t mostThings = 1000;

}  // namespace

Denials::Denials(const Scope& scope, Outside& outside, Poco::Logger& logger, std::string plugin)
    : _scope(scope), _outside(outside), _logger(logger), _plugin(std::move(plugin)) {}

Denials::~Denials() {
  if (_watch != nullptr) _watch->remove(*this);
  try {
    const auto now = monotonicNs();
    for (auto& [thing, count] : _counts) tellRepeats(thing, count, now);
  } catch (...) {
    // No memory for the lines.
  }
}

void Denials::watchWith(DeadlineWatch& watch) {
  _watch = &watch;
  watch.add(*this);
}

void Denials::systemCall(const std::string& name, std::uint64_t times) {
  note({"system_call", name},
       "The sandbox of plugin " + _plugin + " refused the system call " + name +
           ". Plugins reach the outside through the host's services only.",
       Json::object(), times);
}

void Denials::service(std::string_view id) {
  note({"service", std::string(id)},
       "Plugin " + _plugin + " was refused the service " + std::string(id) +
           ": its plugin.json does not ask for what it gives (permissions).",
       Json::object(), 1);
}

void Denials::key(std::string_view key) {
  const auto text = oneLine(key, 80);
  note({"service", DISPATCH_KV_1},
       "Plugin " + _plugin + " was refused the key \"" + text +
           "\": a key is a name among the instance's own, and leads to no other's.",
       {{"key", text}}, 1);
}

void Denials::note(Thing thing, const std::string& sentence, const Json& more, std::uint64_t times) noexcept {
  try {
    const auto now = monotonicNs();
    {
      const std::lock_guard lock(_mutex);
      if (_counts.size() >= mostThings && !_counts.contains(thing)) thing.name = "others";
      auto [found, first] = _counts.try_emplace(thing);
      auto& count = found->second;
      count.untold += std::min<std::uint64_t>(times, 1u << 30);
      if (first) {
        count.toldAtNs = now;
        --count.untold;
        _logger.warning(sentence);
        Json details{{thing.kind, thing.name}};
        details.update(more);
        _outside.audit(_scope, "plugin.denied", details);
      } else if (now - count.toldAtNs >= intervalNs) {
        tellRepeats(thing, count, now);
      }
    }
    // Outside of the lock, which its thread takes while it holds its own.
    if (_watch != nullptr) _watch->called();
  } catch (...) {
    // Refused it was all the same.
  }
}

void Denials::tellRepeats(const Thing& thing, Count& count, std::uint64_t nowNs) {
  if (count.untold == 0) return;
  const auto times = std::exchange(count.untold, 0);
  const auto seconds = (nowNs - count.toldAtNs) / 1'000'000'000;
  count.toldAtNs = nowNs;
  _logger.warning("Plugin " + _plugin + " was refused " + thing.name + ' ' + std::to_string(times) +
                  (times == 1 ? " more time" : " more times") + " within " + std::to_string(seconds) + " s.");
  _outside.audit(_scope, "plugin.denied", {{thing.kind, thing.name}, {"times", times}, {"seconds", seconds}});
}

std::uint64_t Denials::checkDeadlines(std::uint64_t nowNs) noexcept {
  std::uint64_t nearest = 0;
  try {
    const std::lock_guard lock(_mutex);
    for (auto& [thing, count] : _counts) {
      if (count.untold == 0) continue;
      const auto due = count.toldAtNs + intervalNs;
      if (nowNs >= due)
        tellRepeats(thing, count, nowNs);
      else if (nearest == 0 || due < nearest)
        nearest = due;
    }
  } catch (...) {
    // No memory for a line: what was counted is lost, what was refused is not.
  }
  return nearest;
}

}  // namespace dispatch::plugin
