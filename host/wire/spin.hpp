#pragma once

#include <cstdint>

namespace dispatch::wire {

/// Looks for a message for a while before its thread sleeps for one: to wake a sleeper on another core costs
/// more than most answers take (60 us a call and 10 us, on two cores). It learns: where nothing came while it
/// looked, it looks again only after ever more waits, so that slow answers cost nothing. One for each place
/// that waits; used by one thread at a time.
class Spin {
 public:
  struct Limits {
    std::uint32_t ns = 0;     ///< of one look; 0: never
    std::uint32_t calls = 0;  ///< at most that many under way in this process, or nobody looks
  };
  /// What suits the cores that this process may use: nothing where there is only one.
  static Limits forThisMachine() noexcept;
  /// For the whole process; before the first wait.
  static void allow(const Limits& limits) noexcept;

  /// A call under way, or somebody who waits for the next one. Where there are more of them than cores to
  /// spare, who looks would only keep the others from their work.
  class Call {
   public:
    Call() noexcept;
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
  };

  /// Returns when a message may be there, or it is time to sleep for one. Within a Call.
  void wait(int socket) noexcept;

 private:
  std::uint32_t _misses = 0, _skips = 0;
};

}  // namespace dispatch::wire
