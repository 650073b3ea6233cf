#include "base/utf8.hpp"
#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

constexpr std::size_t maxActionBytes = 64, maxSubjectBytes = 200, maxDetailsBytes = 4u << 10;

std::string actionOf(dispatch_str given) {
  const auto action = checkedText(given, "the action");
  const bool sound =
      !action.empty() && action.size() <= maxActionBytes &&
      std::all_of(action.begin(), action.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
      });
  if (!sound)
    throw ServiceRefusal(DISPATCH_ERR_INVALID,
                         "the action of an audit entry must be 1 to 64 of a-z, 0-9, \".\", "
                         "\"_\" and \"-\"; it is \"" +
                             oneLine(action, 80) + '"');
  return std::string(action);
}

/// With the instance's secrets blotted out of every text in it.
Json blotted(const SecretBox& secrets, Json value) {
  if (value.is_string()) return secrets.blot(value.get_ref<const std::string&>());
  if (value.is_array())
    for (auto& item : value) item = blotted(secrets, std::move(item));
  if (!value.is_object()) return value;
  Json object = Json::object();
  for (auto& [key, item] : value.items()) object[secrets.blot(key)] = blotted(secrets, item);
  return object;
}

dispatch_status record(const dispatch_host* host, const dispatch_call* call, dispatch_str givenAction,
                       dispatch_str givenSubject, dispatch_str givenDetails) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    checkedCall(call);
    const auto action = actionOf(givenAction);
    const auto subject = checkedText(givenSubject, "the subject");
    if (subject.empty() || subject.size() > maxSubjectBytes)
      throw ServiceRefusal(DISPATCH_ERR_INVALID,
                           "the subject of an audit entry must have 1 to 200 bytes, and has " +
                               std::to_string(subject.size()));
    const auto text = checkedText(givenDetails, "the details");
    if (text.size() > maxDetailsBytes)
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "the details of an audit entry may have 4 KiB, and have " +
                                                     std::to_string(text.size()) + " bytes");
    const auto details = text.empty() ? Json::object() : parseJson(text, "the details", 16);
    if (!details.is_object())
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "the details of an audit entry must be a JSON object");
    std::uint64_t dropped = 0;
    if (!context.auditGate().pass(monotonicNs(), dropped))
      throw ServiceRefusal(DISPATCH_ERR_LIMIT, "this plugin writes audit entries faster than one a second",
                           1000);
    context.outside().recordAudit(context.scope(), "plugin." + context.manifest().id + '.' + action,
                                  repairedUtf8(oneLine(context.secrets().blot(subject), maxSubjectBytes)),
                                  blotted(context.secrets(), details));
    return DISPATCH_OK;
  });
}

}  // namespace

const void* auditService() noexcept {
  static constexpr dispatch_audit_1 table{sizeof(dispatch_audit_1), 0, record};
  return &table;
}

}  // namespace dispatch::plugin
