#include "plugin/service/resolver.hpp"

#include "plugin/service/service_support.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace dispatch::plugin {

namespace {

using Poco::Net::IPAddress;

constexpr int maxQuestions = 16;

struct Question {
  std::mutex mutex;
  std::condition_variable changed;
  bool answered = false;
  int error = 0;
  std::vector<IPAddress> addresses;
};

IPAddress unmapped(const sockaddr_in6& address) {
  static constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(&address.sin6_addr, mapped, sizeof mapped) == 0)
    return IPAddress(reinterpret_cast<const unsigned char*>(&address.sin6_addr) + sizeof mapped,
                     sizeof(in_addr));
  return IPAddress(&address.sin6_addr, sizeof(in6_addr), address.sin6_scope_id);
}

void ask(Question& question, const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error == EAI_NONAME || error == EAI_ADDRFAMILY) {
    // AI_ADDRCONFIG hides ::1 on a machine without other IPv6 addresses.
    hints.ai_flags = AI_NUMERICHOST;
    if (const int again = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); again == 0) error = 0;
  }
  std::vector<IPAddress> addresses;
  if (error == 0) {
    for (const auto* one = found; one != nullptr && addresses.size() < 16; one = one->ai_next) {
      if (one->ai_family == AF_INET)
        addresses.emplace_back(&reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr,
                               sizeof(in_addr));
      else if (one->ai_family == AF_INET6)
        addresses.push_back(unmapped(*reinterpret_cast<const sockaddr_in6*>(one->ai_addr)));
    }
    ::freeaddrinfo(found);
  }
  const std::lock_guard lock(question.mutex);
  question.error = error;
  question.addresses = std::move(addresses);
  question.answered = true;
  question.changed.notify_all();
}

std::atomic<int>& running() {
  static std::atomic<int> count{0};
  return count;
}

[[noreturn]] void unavailable(const std::string& message) {
  throw ServiceRefusal(DISPATCH_ERR_UNAVAILABLE, message);
}

}  // namespace

std::vector<IPAddress> resolve(HostCall& call, const std::string& host) {
  if (IPAddress literal; IPAddress::tryParse(host, literal)) {
    if (literal.family() == IPAddress::IPv4) return {literal};
    sockaddr_in6 address{};
    std::memcpy(&address.sin6_addr, literal.addr(), sizeof(in6_addr));
    return {unmapped(address)};
  }
  if (++running() > maxQuestions) {
    --running();
    unavailable("the name " + host + " cannot be resolved now: " + std::to_string(maxQuestions) +
                " other names wait for the name server");
  }
  const auto question = std::make_shared<Question>();
  try {
    std::thread([question, host] {
      try {
        ask(*question, host);
      } catch (...) {
        const std::lock_guard lock(question->mutex);
        question->error = EAI_MEMORY;
        question->answered = true;
        question->changed.notify_all();
      }
      --running();
    }).detach();
  } catch (const std::system_error&) {
    --running();
    unavailable("the name " + host + " cannot be resolved now: no thread for it");
  }
  // The hook takes the question's lock, so that a cancellation cannot fall between the test and the wait.
  const HostCall::Hook hook(call, [question] {
    const std::lock_guard lock(question->mutex);
    question->changed.notify_all();
  });
  std::unique_lock lock(question->mutex);
  const auto done = [&] { return question->answered || call.cancelled(); };
  if (const auto deadline = call.deadlineNs(); deadline == 0)
    question->changed.wait(lock, done);
  else
    question->changed.wait_until(
        lock, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(deadline)), done);
  if (!question->answered)
    unavailable(call.cancelled() && call.cancelReason() == DISPATCH_ERR_CANCELLED
                    ? "cancelled before the name " + host + " was resolved"
                    : "the name server did not answer for " + host + " in time");
  if (question->error != 0)
    unavailable("the name " + host + " cannot be resolved: " + ::gai_strerror(question->error));
  if (question->addresses.empty()) unavailable("the name " + host + " has no address");
  return std::move(question->addresses);
}

}  // namespace dispatch::plugin
