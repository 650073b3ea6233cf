// dispatch.source/1: asks a plugin what came, and looks at the cursor before anybody keeps it.
#include "plugin/call/process_instance.hpp"

#include "base/utf8.hpp"

#include <algorithm>

namespace dispatch::plugin {

namespace {

constexpr std::uint64_t maxCursorBytes = 64u << 10;
constexpr std::uint64_t leastMs = 1'000, mostMs = 86'400'000;

std::optional<std::string> readResult(const HostCall& call, const dispatch_source_result& given,
                                      PollOutcome& outcome) {
  if (auto wrong = checkAnswer(call, given.cursor, "its cursor")) return wrong;
  if (given.cursor.len > maxCursorBytes) return "its cursor is longer than 64 KiB";
  outcome.cursor = given.cursor.len == 0 ? std::string() : std::string(given.cursor.ptr, given.cursor.len);
  if (!isUtf8(outcome.cursor) || outcome.cursor.find('\0') != std::string::npos)
    return "its cursor is not UTF-8 text";
  outcome.more = given.more != 0;
  const auto next = given.next_poll_ms;
  outcome.next = std::chrono::milliseconds(next == 0 ? 0 : std::clamp(next, leastMs, mostMs));
  return std::nullopt;
}

}  // namespace

PollOutcome ProcessInstance::poll(const std::string& cursor, const CallOptions& options) {
  PollOutcome outcome;
  const auto* table = interface<dispatch_source_1>(DISPATCH_SOURCE_1);
  if (!DISPATCH_HAS(table, dispatch_source_1, poll)) {
    static_cast<Outcome&>(outcome) =
        refused(DISPATCH_ERR_UNSUPPORTED, "Plugin " + nameText() + " is not a source.");
    return outcome;
  }
  dispatch_source_result direct{};
  direct.struct_size = sizeof direct;
  // What was submitted has a key: the same poll once more has its effect once.
  static_cast<Outcome&>(outcome) = run(
      "poll", Effect::idempotent, options,
      [&](HostCall& call) {
        dispatch_str from{nullptr, 0};
        if (!call.copyOut(cursor, from))
          return call.fail(DISPATCH_ERR_LIMIT, "the cursor does not fit into the memory of a call", 0);
        return table->poll(_instance, call.abi(), from, &direct);
      },
      [&](HostCall& call, const void* out) -> std::optional<std::string> {
        const auto* result = &direct;
        if (out != nullptr) {
          result = static_cast<const dispatch_source_result*>(out);
          if (!call.arena().owns(out, sizeof direct) || result->struct_size < sizeof direct)
            return "its answer is not in the memory of its call";
        }
        return readResult(call, *result, outcome);
      });
  return outcome;
}

}  // namespace dispatch::plugin
