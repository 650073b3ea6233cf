#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

namespace dispatch::auth {

/// Slows down guessing without ever locking the owner out (ASVS 5.0, 6.3.1). Three counts of failures: of an
/// account from one address, of an address, and of an account from all addresses that never logged in to it.
/// Past a free number each failure doubles the wait, up to a limit; an hour without failures forgets. Kept in
/// this process's memory. [any-thread]
class Throttle {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Throttle(std::function<Clock::time_point()> clock = [] { return Clock::now(); })
      : _clock(std::move(clock)) {}

  /// Counts the attempt as failed until succeeded() says otherwise, so that a hundred at once count a
  /// hundred. Returns how long to wait instead, or zero. `account` may be empty (registration).
  std::chrono::milliseconds enter(const std::string& account, const std::string& address);
  void succeeded(const std::string& account, const std::string& address);
  /// It came to no judgement (the provider did not answer): the attempt does not count.
  void abandoned(const std::string& account, const std::string& address);

 private:
  struct Count {
    int failures = 0;
    Clock::time_point last, until;
    bool trusted = false;  ///< of a pair: it logged in from there before
  };
  struct Rule {
    int free;
    std::chrono::milliseconds first, longest;
  };
  std::chrono::milliseconds waitOf(const Count& count) const;
  void fail(Count& count, const Rule& rule);
  void clean();

  std::function<Clock::time_point()> _clock;
  std::mutex _mutex;
  std::unordered_map<std::string, Count> _pairs, _addresses, _accounts;
};

/// IPv6 addresses by their /64: a customer has that many. IPv4 and anything else as it is.
std::string throttledAddress(const std::string& address);

}  // namespace dispatch::auth
