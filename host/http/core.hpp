// What the threads of one server share.
#pragma once

#include "http/job_queue.hpp"
#include "http/metrics.hpp"
#include "http/options.hpp"

#include <Poco/AutoPtr.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServerParams.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::http {

class Connection;
class Transport;

/// Monotonic milliseconds and microseconds.
inline std::int64_t nowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
inline std::int64_t nowMs() { return nowUs() / 1000; }

/// Metrics while they are counted.
struct Counters {
  using Count = std::atomic<std::uint64_t>;
  Count connections{0}, busy{0}, accepted{0}, requests{0}, bytesIn{0}, bytesOut{0};
  Count malformed{0}, headTooLarge{0}, bodyTooLarge{0}, timedOut{0}, overloaded{0}, evicted{0};
  Count handlerFailures{0}, handshakeFailures{0};
  std::array<Count, 6> byClass{};
  std::array<Count, Metrics::waitBounds.size() + 1> waits{};

  static void add(Count& count, std::uint64_t by = 1) { count.fetch_add(by, std::memory_order_relaxed); }
  static void subtract(Count& count) { count.fetch_sub(1, std::memory_order_relaxed); }
  void countStatus(int status) {
    add(byClass[status >= 100 && status < 600 ? static_cast<unsigned>(status) / 100 : 0]);
  }
  void countWait(std::int64_t microseconds);
  void countRefusal(int status);
};

struct Core {
  Core(Options given, Poco::Net::HTTPRequestHandlerFactory::Ptr handlers);
  ~Core();

  const Options options;
  Poco::Net::HTTPRequestHandlerFactory::Ptr factory;
  const Poco::AutoPtr<Poco::Net::HTTPServerParams> params;
  JobQueue queue;
  Counters counters;
  int epoll = -1;
  std::atomic<bool> stopping{false};
  std::atomic<bool> cut{false};  ///< drainLimit has passed: blocking transfers give up

  /// Latest moment (ms) for the next byte of a transfer that began at `start`, has moved `bytes`, the last at
  /// `last`.
  std::int64_t paceDeadline(std::int64_t start, std::uint64_t bytes, std::int64_t last) const;

  /// Blocks a worker until the socket is ready; false when `deadline` (ms) has passed or the server is being
  /// cut.
  bool waitFor(const Transport& io, bool writable, std::int64_t deadline) const;

  /// One of Options::maxUploads.
  bool takeUploadSlot();
  void giveUploadSlot();
  std::atomic<int> uploadWaiters{0};

  /// Options::onAccess, whose exceptions end here.
  void report(const Access& access) const;

  void wakePoller();
  int wakeFd = -1;

  /// After this nobody but the poller, which deletes it, touches the connection.
  void bury(Connection* connection);
  std::vector<Connection*> takeBuried();

 private:
  std::atomic<std::size_t> _uploads{0};
  std::mutex _buriedMutex;
  std::vector<Connection*> _buried;
};

/// An answer made by the server itself, complete.
std::string refusalAnswer(const Options& options, int status, std::string_view message, bool keepAlive,
                          bool headOnly);

/// "Date: …\r\n" of the current second.
const std::string& dateField();

}  // namespace dispatch::http
