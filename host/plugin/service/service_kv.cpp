#include "plugin/service/service_context.hpp"
#include "plugin/service/service_support.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

constexpr std::size_t maxKeyBytes = 256;
constexpr std::size_t maxValueBytes = 64u << 10;
constexpr std::size_t maxKeys = 1000;

/// Keys look like paths to some, and lead nowhere: whoever tries to climb out is heard of.
void refuseClimbing(ServiceContext& context, std::string_view key) {
  for (std::size_t at = 0; at <= key.size();) {
    const auto end = std::min(key.find('/', at), key.size());
    if (key.substr(at, end - at) == "..") {
      context.denials().key(key);
      throw ServiceRefusal(
          DISPATCH_ERR_DENIED,
          "the key \"" + oneLine(key, 80) + "\" has a part \"..\": an instance has its own keys only");
    }
    at = end + 1;
  }
}

std::string keyOf(ServiceContext& context, dispatch_str key) {
  const auto text = checkedText(key, "the key");
  if (text.empty()) throw ServiceRefusal(DISPATCH_ERR_INVALID, "a key must not be empty");
  if (text.size() > maxKeyBytes)
    throw ServiceRefusal(DISPATCH_ERR_LIMIT, "a key may have " + std::to_string(maxKeyBytes) +
                                                 " bytes, this one has " + std::to_string(text.size()));
  refuseClimbing(context, text);
  return std::string(text);
}

dispatch_status get(const dispatch_host* host, const dispatch_call* call, dispatch_str key,
                    dispatch_str* out) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    auto& hostCall = checkedCall(call);
    if (out == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, "there is no place for the value");
    *out = {nullptr, 0};
    const auto name = keyOf(context, key);
    const auto value = context.outside().kvGet(context.scope(), name);
    if (!value)
      throw ServiceRefusal(DISPATCH_ERR_NOT_FOUND, "nothing is kept under the key " + oneLine(name, 80));
    *out = answerText(hostCall, *value);
    return DISPATCH_OK;
  });
}

dispatch_status put(const dispatch_host* host, const dispatch_call* call, dispatch_str key,
                    dispatch_str value) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    checkedCall(call);
    const auto name = keyOf(context, key);
    const auto text = checkedText(value, "the value");
    if (text.size() > maxValueBytes)
      throw ServiceRefusal(DISPATCH_ERR_LIMIT, "a value may have " + std::to_string(maxValueBytes) +
                                                   " bytes, this one has " + std::to_string(text.size()));
    if (!context.outside().kvGet(context.scope(), name) &&
        context.outside().kvList(context.scope(), "").size() >= maxKeys)
      throw ServiceRefusal(DISPATCH_ERR_LIMIT,
                           "this instance keeps " + std::to_string(maxKeys) + " keys already");
    context.outside().kvPut(context.scope(), name, std::string(text));
    return DISPATCH_OK;
  });
}

dispatch_status remove(const dispatch_host* host, const dispatch_call* call, dispatch_str key) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    checkedCall(call);
    context.outside().kvRemove(context.scope(), keyOf(context, key));
    return DISPATCH_OK;
  });
}

dispatch_status list(const dispatch_host* host, const dispatch_call* call, dispatch_str prefix,
                     dispatch_str* out) noexcept {
  return guarded(call, [&] {
    auto& context = ServiceContext::of(host);
    auto& hostCall = checkedCall(call);
    if (out == nullptr) throw ServiceRefusal(DISPATCH_ERR_INVALID, "there is no place for the keys");
    *out = {nullptr, 0};
    const auto wanted = checkedText(prefix, "the prefix");
    refuseClimbing(context, wanted);
    auto keys = context.outside().kvList(context.scope(), std::string(wanted));
    std::sort(keys.begin(), keys.end());
    *out = answerText(hostCall, dumpJson(Json(keys)));
    return DISPATCH_OK;
  });
}

}  // namespace

const void* kvService() noexcept {
  static constexpr dispatch_kv_1 table{sizeof(dispatch_kv_1), 0, get, put, remove, list};
  return &table;
}

}  // namespace dispatch::plugin
