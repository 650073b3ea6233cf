#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

#include <Poco/Message.h>

namespace dispatch::plugin {

namespace {

constexpr std::size_t maxLineBytes = 8u << 10;

Poco::Message::Priority priorityOf(dispatch_log_level level) {
  switch (level) {
    case DISPATCH_LOG_ERROR:
      return Poco::Message::PRIO_ERROR;
    case DISPATCH_LOG_WARNING:
      return Poco::Message::PRIO_WARNING;
    case DISPATCH_LOG_DEBUG:
      return Poco::Message::PRIO_DEBUG;
    default:
      return Poco::Message::PRIO_INFORMATION;
  }
}

void write(const dispatch_host* host, const dispatch_call* call, dispatch_log_level level,
           dispatch_str message) noexcept {
  try {
    auto& context = ServiceContext::of(host);
    auto& logger = context.logger();
    const auto priority = priorityOf(level);
    if (logger.getLevel() < priority) return;
    std::uint64_t dropped = 0;
    if (!context.logGate().pass(monotonicNs(), dropped)) return;
    const auto prefix = "[instance " + std::to_string(context.scope().instanceId) +
                        (call == nullptr ? std::string() : " request " + std::to_string(call->request_id)) +
                        "] ";
    if (dropped > 0)
      logger.warning(prefix + std::to_string(dropped) +
                     " lines were dropped: the plugin logs faster than 50 lines a second");
    const auto text = checkedText(message, "a log line").substr(0, maxLineBytes * 2);
    logger.log(
        Poco::Message(logger.name(), prefix + oneLine(context.secrets().blot(text), maxLineBytes), priority));
  } catch (...) {
    // Logging must never fail a plugin.
  }
}

}  // namespace

const void* logService() noexcept {
  static constexpr dispatch_log_1 table{sizeof(dispatch_log_1), 0, write};
  return &table;
}

}  // namespace dispatch::plugin
