#include "integrations/trial.hpp"

#include "base/base.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace dispatch::integrations {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t fewestFailures = 3;  // fewer may be chance

int rollDice() {
  static thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_int_distribution<int>(0, 99)(random);
}

Trial::Fate orReal(Trial::Fate fate) {
  if (!fate.dice) fate.dice = rollDice;
  if (!fate.clock) fate.clock = [] { return Trial::Clock::now(); };
  return fate;
}

std::string kindOf(const TrialPlan& plan) {
  return plan.share == 0 ? "shadow" : plan.shadow ? "canary and shadow" : "canary";
}

std::string nameOf(Trial::Result result) {
  return result == Trial::Result::tookOver ? "took over"
         : result == Trial::Result::ended  ? "ended"
                                           : "rolled back";
}

/// Of a repeated call: nobody waits for it, and nobody insists.
plugin::CallOptions repeated(plugin::CallOptions options, const Shadow::Cancel& cancel) {
  options.cancellation = cancel;
  options.insist = false;
  return options;
}

plugin::JsonOutcome asJson(const plugin::TextOutcome& outcome) {
  return {static_cast<const plugin::Outcome&>(outcome), Json(outcome.text)};
}

}  // namespace

void checkPlan(const TrialPlan& plan) {
  if (plan.share < 0 || plan.share > 99 || (plan.share == 0 && !plan.shadow))
    throw Problem(Problem::Kind::invalid,
                  "A trial needs a share of the calls, 1 to 99 percent, or to be a shadow; found are " +
                      std::to_string(plan.share) + " percent and no shadow");
  if (plan.duration < 5s || plan.duration > 24h)
    throw Problem(Problem::Kind::invalid, "A trial lasts 5 seconds to 24 hours; found are " +
                                              std::to_string(plan.duration.count()) + " milliseconds");
}

Trial::Trial(std::shared_ptr<plugin::Instance> serving, std::shared_ptr<plugin::Instance> tried,
             const TrialPlan& plan, Fate fate)
    : _serving(std::move(serving)),
      _tried(std::move(tried)),
      _plan(plan),
      _fate(orReal(std::move(fate))),
      _endsAt(_fate.clock() + plan.duration),
      _until(toText(now() + plan.duration)),
      _bothReceive(_serving->has(DISPATCH_WEBHOOK_1) && _tried->has(DISPATCH_WEBHOOK_1)) {
  readMethods();
  if (!_plan.shadow) return;
  // Callers whose call went to the new version must not wait for a turn behind what is only repeated.
  const auto mayRepeat = [this] {
    const auto turns = static_cast<std::uint64_t>(std::max(1, _tried->manifest().maxConcurrency));
    return _plan.share == 0 || _tried->statistics().inFlight + 1 < turns;
  };
  _shadow = std::make_unique<Shadow>(mayRepeat, [this](const plugin::Outcome& outcome) {
    count(_ofTried, outcome.againstPlugin());
    decided();
  });
}

Trial::~Trial() = default;

bool Trial::decided() {
  if (_result != Result::undecided) return true;
  if (const auto reason = worse(); !reason.empty())
    decide(Result::rolledBack, reason);
  else if (_fate.clock() < _endsAt)
    return false;
  else if (_plan.share > 0)
    decide(Result::tookOver, "its time is over, and it did no worse");
  else
    decide(Result::ended, "its time is over");
  return true;
}

bool Trial::decide(Result result, const std::string& reason) {
  {
    const std::lock_guard lock(_mutex);
    if (_result != Result::undecided) return false;
    _reason = reason;
    _endedAt = nowText();
    _result = result;
  }
  if (_shadow) _shadow->close();
  return true;
}

std::string Trial::worse() const {
  if (const auto statistics = _tried->statistics(); statistics.breaker != "closed")
    return "its calls failed one after the other, the last one with \"" + statistics.lastError + '"';
  if (const auto worker = _tried->worker(); !worker.lastCrash.empty())
    return "its worker " + worker.lastCrash;
  const std::lock_guard lock(_mutex);
  if (_ofTried.failures < fewestFailures) return "";
  const bool twice = _ofServing.failures == 0 ||
                     _ofTried.failures * _ofServing.calls > 2 * _ofServing.failures * _ofTried.calls;
  if (!twice) return "";
  return std::to_string(_ofTried.failures) + " of its " + std::to_string(_ofTried.calls) +
         " calls failed, and " + std::to_string(_ofServing.failures) + " of the " +
         std::to_string(_ofServing.calls) + " that version " + _serving->manifest().version + " answered";
}

const std::shared_ptr<plugin::Instance>& Trial::winner() const {
  return _result == Result::tookOver ? _tried : _serving;
}

const std::shared_ptr<plugin::Instance>& Trial::loser() const {
  return _result == Result::tookOver ? _serving : _tried;
}

Json Trial::describe() const {
  const auto shadow = _shadow ? _shadow->counts() : Shadow::Counts();
  const std::lock_guard lock(_mutex);
  Json all{{"kind", kindOf(_plan)},       {"version", _tried->manifest().version},
           {"share", _plan.share},        {"until", _until},
           {"calls", _ofTried.calls},     {"failures", _ofTried.failures},
           {"compared", shadow.compared}, {"differing", shadow.differing},
           {"dropped", shadow.dropped},   {"last_difference", shadow.lastDifference}};
  if (_result == Result::undecided) return all;
  all["ended_at"] = _endedAt;
  all["result"] = nameOf(_result);
  all["reason"] = _reason;
  return all;
}

std::string Trial::sentence() const {
  std::string how;
  if (_plan.share > 0) how = "it answers " + std::to_string(_plan.share) + " % of the calls";
  if (_plan.shadow) how += (how.empty() ? "" : ", and ") + std::string("what only reads is repeated on it");
  return "Version " + _tried->manifest().version + " is tried beside " + _serving->manifest().version +
         " until " + _until + ": " + how;
}

void Trial::readMethods() {
  std::map<std::string, plugin::Effect> common;
  const auto offered = _tried->methods();
  for (const auto& method : _serving->methods())
    for (const auto& other : offered)
      if (other.name == method.name && other.effect == method.effect) common[method.name] = method.effect;
  const std::lock_guard lock(_mutex);
  _common = std::move(common);
}

std::optional<plugin::Effect> Trial::commonEffect(const std::string& method) const {
  const std::lock_guard lock(_mutex);
  const auto found = _common.find(method);
  return found == _common.end() ? std::nullopt : std::optional(found->second);
}

plugin::Instance& Trial::pick(bool common) {
  if (_result != Result::undecided) return *winner();
  return common && _plan.share > 0 && _fate.dice() < _plan.share ? *_tried : *_serving;
}

void Trial::count(Tally& tally, bool failed) {
  const std::lock_guard lock(_mutex);
  if (_result != Result::undecided) return;
  ++tally.calls;
  if (failed) ++tally.failures;
}

void Trial::count(const plugin::Instance& asked, const plugin::Outcome& outcome,
                  const plugin::CallOptions& options) {
  const bool cancelled = options.cancellation && options.cancellation->cancelled();
  const bool tried = &asked == _tried.get();
  count(tried ? _ofTried : _ofServing, outcome.againstPlugin() && !cancelled);
  if (tried) decided();
}

bool Trial::repeats(const plugin::Instance& asked, const plugin::Outcome& outcome) const {
  return _shadow && &asked == _serving.get() && !outcome.againstPlugin() &&
         outcome.status != DISPATCH_ERR_CANCELLED;
}

plugin::JsonOutcome Trial::invoke(const std::string& method, const Json& input,
                                  const plugin::CallOptions& options) {
  const auto effect = commonEffect(method);
  auto& asked = pick(effect.has_value());
  auto outcome = asked.invoke(method, input, options);
  count(asked, outcome, options);
  if (effect == plugin::Effect::read && repeats(asked, outcome))
    _shadow->add([&] {
      return Shadow::Call{method, outcome,
                          [tried = _tried, method, input = input, options](const Shadow::Cancel& cancel) {
                            return tried->invoke(method, input, repeated(options, cancel));
                          }};
    });
  return outcome;
}

plugin::TextOutcome Trial::identifyWebhook(const plugin::WebhookRequest& request,
                                           const plugin::CallOptions& options) {
  auto& asked = pick(_bothReceive);
  auto outcome = asked.identifyWebhook(request, options);
  count(asked, outcome, options);
  if (_bothReceive && repeats(asked, outcome))
    _shadow->add([&] {
      return Shadow::Call{"identify", asJson(outcome),
                          [tried = _tried, request = request, options](const Shadow::Cancel& cancel) {
                            return asJson(tried->identifyWebhook(request, repeated(options, cancel)));
                          }};
    });
  return outcome;
}

plugin::WebhookOutcome Trial::receiveWebhook(const plugin::WebhookRequest& request,
                                             const plugin::CallOptions& options) {
  auto& asked = pick(_bothReceive);
  auto outcome = asked.receiveWebhook(request, options);
  count(asked, outcome, options);
  return outcome;
}

plugin::Outcome Trial::start() {
  plugin::Outcome outcome;
  outcome.status = DISPATCH_OK;
  return outcome;
}

plugin::Outcome Trial::reconfigure(plugin::Configuration configuration) {
  if (_result != Result::undecided) return winner()->reconfigure(std::move(configuration));
  auto outcome = _serving->reconfigure(configuration);
  if (!outcome.ok()) return outcome;
  const auto followed = _tried->reconfigure(std::move(configuration));
  if (!followed.ok())
    decide(Result::rolledBack, "it could not take on another configuration: " + followed.message);
  readMethods();
  return outcome;
}

void Trial::drainAndStop() {
  const bool early = decide(Result::rolledBack, "the plugin was stopped");
  if (_shadow) _shadow->stop();
  if (!early) return;
  _tried->drainAndStop();
  _serving->drainAndStop();
}

plugin::JsonOutcome Trial::test(const Json& input, const plugin::CallOptions& options) {
  return winner()->test(input, options);
}

plugin::PollOutcome Trial::poll(const std::string& cursor, const plugin::CallOptions& options) {
  return winner()->poll(cursor, options);
}

plugin::JsonOutcome Trial::describeAuth(const plugin::CallOptions& options) {
  return winner()->describeAuth(options);
}

plugin::JsonOutcome Trial::authenticate(const Json& request, const plugin::CallOptions& options) {
  return winner()->authenticate(request, options);
}

plugin::Instance::SecretOutcome Trial::decrypt(const std::string& name, const std::string& stored,
                                               const plugin::CallOptions& options) {
  return winner()->decrypt(name, stored, options);
}

plugin::JsonOutcome Trial::encrypt(const std::string& name, std::string_view plaintext,
                                   const plugin::CallOptions& options) {
  return winner()->encrypt(name, plaintext, options);
}

}  // namespace dispatch::integrations
