#include "http/core.hpp"

#include "base/base.hpp"
#include "http/connection.hpp"
#include "http/server.hpp"
#include "http/thread.hpp"

#include <Poco/Logger.h>
#include <Poco/Net/HTTPResponse.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace dispatch::http {

void Counters::countWait(std::int64_t microseconds) {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(microseconds, 0));
  const auto bound = std::upper_bound(Metrics::waitBounds.begin(), Metrics::waitBounds.end(), value);
  add(waits[static_cast<std::size_t>(bound - Metrics::waitBounds.begin())]);
}

void Counters::countRefusal(int status) {
  countStatus(status);
  switch (status) {
    case 408:
      return add(timedOut);
    case 413:
      return add(bodyTooLarge);
    case 414:
    case 431:
      return add(headTooLarge);
    case 503:
      return add(overloaded);
    case 500:
      return add(handlerFailures);
    default:
      return add(malformed);
  }
}

Core::Core(Options given, Poco::Net::HTTPRequestHandlerFactory::Ptr handlers)
    : options(std::move(given)),
      factory(std::move(handlers)),
      params(new Poco::Net::HTTPServerParams),
      queue(options.maxQueued, std::max<std::size_t>(options.workers, 1), processors()),
      epoll(::epoll_create1(EPOLL_CLOEXEC)),
      wakeFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Core::~Core() {
  if (epoll >= 0) ::close(epoll);
  if (wakeFd >= 0) ::close(wakeFd);
}

std::int64_t Core::paceDeadline(std::int64_t start, std::uint64_t bytes, std::int64_t last) const {
  const std::uint64_t rate = std::max<std::uint64_t>(options.minBytesPerSecond, 1);
  const auto earned = static_cast<std::int64_t>(std::min<std::uint64_t>(bytes * 1000 / rate, 1'000'000'000));
  const std::int64_t grace = options.paceGrace.count();
  return std::min(start + grace + earned, last + 3 * grace);
}

bool Core::waitFor(const Transport& io, bool writable, std::int64_t deadline) const {
  while (!cut) {
    const std::int64_t left = deadline - nowMs();
    if (left <= 0) return false;
    if (io.wait(writable, std::chrono::milliseconds(std::min<std::int64_t>(left, 200)))) return true;
  }
  return false;
}

bool Core::takeUploadSlot() {
  std::size_t used = _uploads.load();
  while (used < options.maxUploads)
    if (_uploads.compare_exchange_weak(used, used + 1)) return true;
  return false;
}

void Core::giveUploadSlot() {
  --_uploads;
  if (uploadWaiters.load() > 0) wakePoller();
}

void Core::report(const Access& access) const {
  try {
    options.onAccess(access);
  } catch (const std::exception& error) {
    Poco::Logger::get("dispatch.http").error("the access log failed: %s", std::string(error.what()));
  } catch (...) {
    Poco::Logger::get("dispatch.http").error("the access log failed");
  }
}

void Core::wakePoller() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakeFd, &one, sizeof one);
}

void Core::bury(Connection* connection) {
  connection->closeForGood();
  Counters::subtract(counters.connections);
  std::lock_guard lock(_buriedMutex);
  _buried.push_back(connection);
}

std::vector<Connection*> Core::takeBuried() {
  std::lock_guard lock(_buriedMutex);
  return std::exchange(_buried, {});
}

std::string refusalBody(std::string_view message) {
  return dumpJson({{"detail", Json::array({{{"msg", message}, {"type", "value_error"}}})}});
}

std::string refusalAnswer(const Options& options, int status, std::string_view message, bool keepAlive,
                          bool headOnly) {
  const std::string body = refusalBody(message);
  std::string answer =
      "HTTP/1.1 " + std::to_string(status) + " " +
      Poco::Net::HTTPResponse::getReasonForStatus(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(status)) +
      "\r\n" + dateField() + "Content-Type: application/json\r\nCache-Control: no-store\r\n";
  for (const auto& [name, value] : options.refusalFields) answer += name + ": " + value + "\r\n";
  if (status == 503) answer += "Retry-After: 1\r\n";
  if (!keepAlive) answer += "Connection: close\r\n";
  answer += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  if (!headOnly) answer += body;
  return answer;
}

const std::string& dateField() {
  thread_local std::time_t made = 0;
  thread_local std::string field;
  const std::time_t second = std::time(nullptr);
  if (second != made) {
    std::tm utc{};
    gmtime_r(&second, &utc);
    char text[64];
    const auto length = std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    field.assign(text, length);
    made = second;
  }
  return field;
}

}  // namespace dispatch::http
