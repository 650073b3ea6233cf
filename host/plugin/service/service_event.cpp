#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxKeyBytes = 500;
constexpr std::uint64_t maxNameBytes = 500;
constexpr std::uint64_t maxDataBytes = 256u << 10;

std::string textOf(dispatch_str given, const char* what, std::uint64_t most) {
  const auto text = checkedText(given, what);
  if (text.size() > most)
    throw ServiceRefusal(DISPATCH_ERR_INVALID, std::string(what) + " may have " + std::to_string(most) +
                                                   " bytes, and has " + std::to_string(text.size()));
  return std::string(text);
}

dispatch_status submit(const dispatch_host* host, const dispatch_call* call, const dispatch_event* given,
                       dispatch_str* out) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    auto& hostCall = checkedCall(call);
    if (out == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, "there is no place for the answer");
    *out = {nullptr, 0};
    const auto& asked = checkedStruct(given, "the event");
    Event event;
    event.type = textOf(asked.type, "the event's type", maxNameBytes);
    context.needPermission("events", event.type);
    event.actor = textOf(asked.actor, "the event's actor", maxNameBytes);
    event.subject = textOf(asked.subject, "the event's subject", maxKeyBytes);
    event.key = textOf(asked.deduplication_key, "the event's de-duplication key", maxKeyBytes);
    if (event.key.empty())
      throw ServiceRefusal(DISPATCH_ERR_INVALID,
                           "the event has no de-duplication key: without one it could happen twice");
    const auto data = textOf(asked.data_json, "the event's data", maxDataBytes);
    if (!data.empty()) event.data = parseJson(data, "the event's data", 16);
    if (!event.data.is_object())
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "the event's data must be a JSON object");
    *out = answerText(hostCall, dumpJson(context.outside().submitEvent(context.scope(), event)));
    return DISPATCH_OK;
  });
}

}  // namespace

const void* eventService() noexcept {
  static constexpr dispatch_event_1 table{sizeof(dispatch_event_1), 0, submit};
  return &table;
}

}  // namespace dispatch::plugin
