#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

namespace dispatch::plugin {

namespace {

constexpr int defaultLimit = 100;
constexpr int maxLimit = 1000;

dispatch_status query(const dispatch_host* host, const dispatch_call* call, dispatch_str what,
                      dispatch_str question, dispatch_str* out) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    auto& hostCall = checkedCall(call);
    if (out == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, "there is no place for the answer");
    *out = {nullptr, 0};
    const std::string subject(checkedText(what, "the subject of a directory query"));
    const auto text = checkedText(question, "a directory query");
    Json json = text.empty() ? Json::object() : parseJson(text, "The directory query", 8);
    if (!json.is_object())
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "a directory query must be a JSON object");
    const auto limit = json.find("limit");
    if (limit == json.end())
      json["limit"] = defaultLimit;
    else if (!limit->is_number_integer() || *limit < 1 || *limit > maxLimit)
      throw ServiceRefusal(DISPATCH_ERR_INVALID, "limit must be 1 to " + std::to_string(maxLimit));
    *out = answerText(hostCall, dumpJson(context.outside().directory(context.scope(), subject, json)));
    return DISPATCH_OK;
  });
}

}  // namespace

const void* directoryService() noexcept {
  static constexpr dispatch_directory_1 table{sizeof(dispatch_directory_1), 0, query};
  return &table;
}

}  // namespace dispatch::plugin
