#include "flow/engine.hpp"

#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string_view>

namespace dispatch::flow {
namespace {

/// DISPATCH_FAIL_POINT taken apart: name[@key][:n].
struct FailPoint {
  std::string name, key;
  long nth = 1;
  bool set = false;

  static FailPoint read() {
    FailPoint point;
    const char* text = std::getenv("DISPATCH_FAIL_POINT");
    if (!text || !*text) return point;
    std::string_view rest(text);
    if (const auto colon = rest.rfind(':'); colon != std::string_view::npos) {
      point.nth = std::strtol(text + colon + 1, nullptr, 10);
      rest = rest.substr(0, colon);
    }
    if (const auto at = rest.find('@'); at != std::string_view::npos) {
      point.key = rest.substr(at + 1);
      rest = rest.substr(0, at);
    }
    point.name = rest;
    point.set = true;
    return point;
  }
};

}  // namespace

void failPoint(const char* name, const std::string& key) {
  static const FailPoint point = FailPoint::read();
  if (!point.set) return;
  if (point.name != name || (!point.key.empty() && point.key != key)) return;
  static std::mutex mutex;
  static long passed = 0;
  std::lock_guard lock(mutex);
  if (++passed == point.nth) ::kill(::getpid(), SIGKILL);
}

}  // namespace dispatch::flow
