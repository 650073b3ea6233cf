#pragma once

#include "base/json.hpp"
#include "plugin/plugin.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace dispatch::integrations {

/// Where `now` first differs from `before` and how, by its JSON Pointer (RFC 6901): "/state has another
/// value". Without the values: what a plugin answers may be private. nullopt: they are equal.
std::optional<std::string> firstDifference(const Json& before, const Json& now);

/// Repeats calls on another instance, one after the other on a thread of its own, and compares the answers.
/// What it cannot keep up with is dropped and counted: no caller waits for it. [any-thread]
class Shadow {
 public:
  using Cancel = std::shared_ptr<plugin::Cancellation>;
  /// A call that was answered, and how to make it once more. It has no effect, whoever makes it.
  struct Call {
    std::string name;  ///< for people
    plugin::JsonOutcome answer;
    std::function<plugin::JsonOutcome(const Cancel&)> repeat;  ///< ends soon once that is cancelled
  };
  /// So many calls wait at most; each may hold the body of a webhook, which is up to 1 MiB.
  static constexpr std::size_t longestQueue = 32;

  /// Both are called on its thread. `mayRepeat`, before a call: false drops it. `repeated`, with how it
  /// ended; it may close() the shadow, and not destroy it.
  Shadow(std::function<bool()> mayRepeat, std::function<void(const plugin::Outcome&)> repeated);
  ~Shadow();  ///< as stop()
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;

  /// `make` copies the call, and is asked only where there is room for it.
  void add(const std::function<Call()>& make);
  /// Nothing is repeated or counted any more; a call under way is cancelled and not waited for.
  void close();
  void stop();  ///< close(), and waits for the call under way

  struct Counts {
    std::uint64_t compared = 0, differing = 0, dropped = 0;
    std::string lastDifference;  ///< "get: /state has another value"; "" = none
  };
  Counts counts() const;

 private:
  void run();
  void repeat(const Call& call);
  void compare(const Call& call, const plugin::JsonOutcome& outcome);

  const std::function<bool()> _mayRepeat;
  const std::function<void(const plugin::Outcome&)> _repeated;
  const Cancel _cancel = std::make_shared<plugin::Cancellation>();
  mutable std::mutex _mutex;
  std::condition_variable _wakes;
  std::deque<Call> _calls;
  std::size_t _coming = 0;  ///< being copied by their callers
  bool _closed = false;
  Counts _counts;
  std::thread _thread;
};

}  // namespace dispatch::integrations
