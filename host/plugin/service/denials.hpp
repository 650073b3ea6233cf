#pragma once

#include "plugin/call/deadline_watch.hpp"
#include "plugin/outside.hpp"

#include <Poco/Logger.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace dispatch::plugin {

/// What one instance tried and may not, for the log and the audit. Each different thing has a line at its
/// first time, whatever else there is; its repeats are summed up in one line a minute. [any-thread]
class Denials final : public WatchedCalls {
 public:
  static constexpr std::uint64_t intervalNs = 60'000'000'000;

  /// `plugin`: id and version, for people.
  Denials(const Scope& scope, Outside& outside, Poco::Logger& logger, std::string plugin);
  ~Denials() override;  ///< tells what is left
  Denials(const Denials&) = delete;
  Denials& operator=(const Denials&) = delete;

  /// Its thread tells of repeats that nothing follows; without it they wait for the next denial, or the end.
  void watchWith(DeadlineWatch& watch);

  void systemCall(const std::string& name, std::uint64_t times = 1);
  void service(std::string_view id);
  void key(std::string_view key);  ///< of dispatch.kv/1

  std::uint64_t checkDeadlines(std::uint64_t nowNs) noexcept override;

 private:
  struct Thing {
    const char* kind;  ///< its name in the audit
    std::string name;
    auto operator<=>(const Thing& other) const = default;
  };
  struct Count {
    std::uint64_t untold = 0, toldAtNs = 0;
  };
  void note(Thing thing, const std::string& sentence, const Json& more, std::uint64_t times) noexcept;
  void tellRepeats(const Thing& thing, Count& count, std::uint64_t nowNs);

  const Scope& _scope;
  Outside& _outside;
  Poco::Logger& _logger;
  const std::string _plugin;
  DeadlineWatch* _watch = nullptr;
  std::mutex _mutex;
  std::map<Thing, Count> _counts;
};

}  // namespace dispatch::plugin
