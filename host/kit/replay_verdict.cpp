// What a replayed call says of its plugin.
#include "base/base.hpp"
#include "kit/exercise.hpp"
#include "kit/replay.hpp"

#include <cstdint>

namespace dispatch::kit {

namespace {

using plugin::Effect;
using testing::Fault;

std::string listed(const std::vector<std::string>& parts, const char* between, std::size_t most = 5) {
  std::string text;
  for (std::size_t i = 0; i < parts.size() && i < most; ++i) text += (i == 0 ? "" : between) + parts[i];
  if (parts.size() > most)
    text += std::string(between) + "and " + std::to_string(parts.size() - most) + " more";
  return text;
}

std::string howItEnded(const plugin::JsonOutcome& outcome) {
  return outcome.ok() ? "OK, " + testing::shortly(outcome.value) : textOf(outcome);
}

/// Does an answer that came back OK say by itself that something is wrong? A test reports, a login is denied.
bool saysNo(const std::string& method, const Json& value) {
  if (!value.is_object()) return false;
  if (method == "test") return value.value("ok", true) == false;
  return method == "authenticate" && textOr(value, "kind") == "deny";
}

/// The host then asks, or leaves it to a person, and does not repeat blindly.
bool saysUnknown(const plugin::Outcome& outcome) {
  return outcome.uncertain() || outcome.status == DISPATCH_ERR_LIMIT;
}

std::optional<std::string> noSentence(const std::string& what, const plugin::JsonOutcome& outcome) {
  // Here the time limit is the exchange's, not the call's: TIMEOUT is a good answer.
  if (outcome.status != DISPATCH_ERR_TIMEOUT) return defectOf({what, outcome});
  if (outcome.message.find(' ') != std::string::npos) return std::nullopt;
  return what + " fails with \"" + outcome.message + "\", which is no sentence for a person.";
}

Verdict judgeSuccess(const testing::Recording& recording, const Breakage& breakage, const Replayed& run) {
  const auto& exchange = recording.exchanges.at(breakage.exchange - 1);
  const auto& value = run.outcome.value;
  if (saysNo(recording.call.method, value))
    return Verdict::ok("It says so: " + testing::shortly(value) + '.');
  if (exchange.optional) return Verdict::ok("The call does without it.");
  std::vector<std::string> differences;
  const auto& expected = recording.call.expected;
  if (breakage.fault == Fault::notJson && expected.is_object() && expected.contains("answer")) {
    testing::compareJson(expected["answer"], value, "", differences);
    if (differences.empty()) return Verdict::ok("It does not read the body of this answer.");
  }
  return Verdict::failed(
      "It answers " + testing::shortly(value) +
      " as if nothing had happened; expected is a failed call with a sentence. Look at the status "
      "and the body of the answer, and throw Failure. If the call can do without this exchange, "
      "mark its entry in the recording with \"_optional\": true.");
}

/// Whether the peer may have done already what a repeated call would ask for again.
bool mayHaveActed(const testing::RecordedExchange& exchange, Fault fault) {
  return mayAct(exchange) && fault != Fault::refused && fault != Fault::tooManyRequests;
}

}  // namespace

Verdict judgeReplay(const testing::Recording& recording, const Replayed& run) {
  if (!run.ended) return Verdict::failed("The plugin " + run.end);
  if (!run.unexpected.empty()) return Verdict::failed(listed(run.unexpected, " ", 3));
  const auto& expected = recording.call.expected;
  const auto status = textOr(expected, "status", "");
  if (!status.empty() && status != testing::statusName(run.outcome.status))
    return Verdict::failed("It ends as " + howItEnded(run.outcome) + "; recorded is " + status +
                           ". Mend the plugin, or change log._dispatch.expected in " + recording.name + '.');
  std::vector<std::string> differences;
  if (expected.is_object() && expected.contains("answer"))
    testing::compareJson(expected["answer"], run.outcome.value, "", differences);
  if (expected.is_object() && expected.contains("message"))
    testing::compareJson(expected["message"], run.outcome.message, "its sentence", differences);
  if (!differences.empty())
    return Verdict::failed("Its answer is another than recorded: " + listed(differences, "; ") +
                           ". Mend the plugin, or change log._dispatch.expected in " + recording.name + '.');
  const auto exchanges = recording.exchanges.size() - run.unasked.size();
  return Verdict::ok(
      (expected.is_object()
           ? "As recorded"
           : "Nothing is expected of it; it ended as " + testing::statusName(run.outcome.status)) +
      ", with " + std::to_string(exchanges) + (exchanges == 1 ? " exchange" : " exchanges") +
      (run.unasked.empty() ? "." : ". Recorded and not asked for: " + listed(run.unasked, "; ") + '.'));
}

Verdict judgeBroken(const testing::Recording& recording, const Breakage& breakage, const Replayed& run) {
  const auto& exchange = recording.exchanges.at(breakage.exchange - 1);
  const auto& outcome = run.outcome;
  const auto& method = recording.call.method;
  if (!run.ended) return Verdict::failed("The plugin " + run.end);
  if (!run.askedForBroken) return Verdict::skipped("The call does not ask for this exchange.");
  if (run.milliseconds >= run.timeoutMs)
    return Verdict::failed(
        "The call took " + std::to_string(static_cast<std::int64_t>(run.milliseconds)) +
        " ms and was ended by its deadline only. End it when an exchange fails; the host repeats "
        "what can be repeated.");
  if (outcome.ok()) return judgeSuccess(recording, breakage, run);
  if (const auto wrong = noSentence(method, outcome)) return Verdict::failed(*wrong);
  // A login that fails is denied whatever it says, and a test only tells.
  if (method == "test" || method == "describe" || method == "authenticate")
    return Verdict::ok(textOf(outcome));

  const bool once = run.effect == Effect::findable || run.effect == Effect::atMostOnce;
  if (once && (run.actedBefore || mayHaveActed(exchange, breakage.fault))) {
    if (saysUnknown(outcome)) return Verdict::ok(textOf(outcome));
    return Verdict::failed("It ends as " + textOf(outcome) + " But " +
                           (run.actedBefore ? "a request before it" : "this request") +
                           " may have had its effect by then, and " + method + " is " +
                           std::string(nameOf(run.effect)) +
                           ": the host has to be told, or it repeats the call without a look. Throw "
                           "Failure::uncertain. If the request "
                           "only reads, mark its entry in the recording with \"_read\": true.");
  }
  if (outcome.permanent())
    return Verdict::failed("It ends as " + textOf(outcome) +
                           " So the host gives up, although later it may work. "
                           "Throw Failure::unavailable, or let the failure of the exchange pass.");
  const auto asked = static_cast<std::uint32_t>(testing::faultRetryAfter.count() * 1000);
  if (breakage.fault == Fault::tooManyRequests &&
      (outcome.status != DISPATCH_ERR_UNAVAILABLE || outcome.retryAfterMs < asked))
    return Verdict::failed("The server asked to come back in " + std::to_string(asked) +
                           " ms (HTTP 429, Retry-After), but the call ends as " + textOf(outcome) +
                           " with retryAfterMs " + std::to_string(outcome.retryAfterMs) +
                           ". Throw Failure::unavailable(message, answer.retryAfter).");
  return Verdict::ok(textOf(outcome));
}

}  // namespace dispatch::kit
