#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

#include <ctime>

namespace dispatch::plugin {

namespace {

std::int64_t unixNs(const dispatch_host*) noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::uint64_t monotonic(const dispatch_host*) noexcept { return monotonicNs(); }

dispatch_status sleep(const dispatch_host*, const dispatch_call* call, std::uint64_t ns) noexcept {
  return guarded(call, [&] {
    auto& hostCall = checkedCall(call);
    const auto remaining = hostCall.remainingNs();
    const bool cut = ns > remaining;
    if (hostCall.sleep(cut ? remaining : ns) || hostCall.cancelled())
      throw ServiceRefusal(hostCall.cancelReason(), "cancelled while waiting");
    if (cut) throw ServiceRefusal(DISPATCH_ERR_TIMEOUT, "the deadline passed while waiting");
    return DISPATCH_OK;
  });
}

}  // namespace

const void* clockService() noexcept {
  static constexpr dispatch_clock_1 table{sizeof(dispatch_clock_1), 0, unixNs, monotonic, sleep};
  return &table;
}

}  // namespace dispatch::plugin
