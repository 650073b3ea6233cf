#pragma once

#include "integrations/integrations.hpp"
#include "integrations/shadow.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace dispatch::integrations {

/// Throws Problem(invalid) with what is out of bounds.
void checkPlan(const TrialPlan& plan);

/// A new version of a plugin beside the one that serves, behind one instance, so that whoever looks a plugin
/// up need not know of it. Gives each its calls, counts how they end, and decides by that and by the time;
/// from then on every call goes to the winner, also those of callers who still hold the trial. What it
/// describes of itself (manifest, methods, statistics, …) is the serving one's.
///
/// Both instances are its owner's: a trial that has been decided stops neither. [any-thread]
class Trial final : public plugin::Instance {
 public:
  using Clock = std::chrono::steady_clock;
  /// What a test puts in the place of chance and time; whatever is empty is real.
  struct Fate {
    std::function<int()> dice;  ///< 0 to 99, each as likely as the others
    std::function<Clock::time_point()> clock;
  };

  /// Both are started, and of the same configuration.
  Trial(std::shared_ptr<plugin::Instance> serving, std::shared_ptr<plugin::Instance> tried,
        const TrialPlan& plan, Fate fate = {});
  ~Trial() override;  ///< waits for a repeated call, which is cancelled

  enum class Result { undecided, tookOver, rolledBack, ended };
  /// Whether it is decided, if need be after a look at how the new version does and at the time.
  bool decided();
  /// Decides it. False: it was decided before, and stays so. `reason` goes on after "because".
  bool decide(Result result, const std::string& reason);

  /// Who goes on and who does not; before it is decided, the serving one goes on.
  const std::shared_ptr<plugin::Instance>& winner() const;
  const std::shared_ptr<plugin::Instance>& loser() const;

  /// {"kind", "version", "share", "until", "calls", "failures", "compared", "differing", "dropped",
  /// "last_difference"}, all of the new version, repeated calls included; once it is decided also
  /// {"ended_at", "result", "reason"}.
  Json describe() const;
  /// "Version 1.1.0 is tried beside 1.0.0 until …: it answers 10 % of the calls"
  std::string sentence() const;

  const plugin::Manifest& manifest() const override { return _serving->manifest(); }
  const plugin::Scope& scope() const override { return _serving->scope(); }
  std::string home() const override { return _serving->home(); }
  std::vector<Method> methods() const override { return _serving->methods(); }
  bool has(std::string_view interfaceId) const override { return _serving->has(interfaceId); }
  Statistics statistics() const override { return _serving->statistics(); }
  Worker worker() const override { return _serving->worker(); }
  std::string refusal() const override { return _serving->refusal(); }
  std::vector<Outbound> outbound() const override { return _serving->outbound(); }
  std::vector<plugin::Metric> metrics() const override { return _serving->metrics(); }

  plugin::Outcome start() override;
  /// Of both; a new version that cannot is rolled back.
  plugin::Outcome reconfigure(plugin::Configuration configuration) override;
  /// Stops both, unless it is decided: then it only ends what it repeats.
  void drainAndStop() override;

  plugin::JsonOutcome invoke(const std::string& method, const Json& input,
                             const plugin::CallOptions& options) override;
  plugin::TextOutcome identifyWebhook(const plugin::WebhookRequest& request,
                                      const plugin::CallOptions& options) override;
  plugin::WebhookOutcome receiveWebhook(const plugin::WebhookRequest& request,
                                        const plugin::CallOptions& options) override;
  // These are not tried: a test is asked for by a person, a poll goes on where the last one of the same
  // version was, the others consist of several requests, or belong to plugins of the whole host.
  plugin::JsonOutcome test(const Json& input, const plugin::CallOptions& options) override;
  plugin::PollOutcome poll(const std::string& cursor, const plugin::CallOptions& options) override;
  plugin::JsonOutcome describeAuth(const plugin::CallOptions& options) override;
  plugin::JsonOutcome authenticate(const Json& request, const plugin::CallOptions& options) override;
  SecretOutcome decrypt(const std::string& name, const std::string& stored,
                        const plugin::CallOptions& options) override;
  plugin::JsonOutcome encrypt(const std::string& name, std::string_view plaintext,
                              const plugin::CallOptions& options) override;

 private:
  struct Tally {
    std::uint64_t calls = 0, failures = 0;
  };

  void readMethods();
  /// The effect of a method that both offer, and with the same effect: who calls it relies on that.
  std::optional<plugin::Effect> commonEffect(const std::string& method) const;
  /// Who gets a call; `common`: both can take it.
  plugin::Instance& pick(bool common);
  void count(const plugin::Instance& asked, const plugin::Outcome& outcome,
             const plugin::CallOptions& options);
  void count(Tally& tally, bool failed);
  /// Whether a reading call with this end is worth repeating.
  bool repeats(const plugin::Instance& asked, const plugin::Outcome& outcome) const;
  std::string worse() const;  ///< why the new version is taken back; "" = it is not

  const std::shared_ptr<plugin::Instance> _serving, _tried;
  const TrialPlan _plan;
  const Fate _fate;
  const Clock::time_point _endsAt;
  const std::string _until;
  const bool _bothReceive;  ///< webhooks

  mutable std::mutex _mutex;
  std::map<std::string, plugin::Effect> _common;
  Tally _ofServing, _ofTried;
  std::string _reason, _endedAt;
  std::atomic<Result> _result{Result::undecided};
  std::unique_ptr<Shadow> _shadow;  ///< null: nothing is repeated. Last: its thread calls back
};

}  // namespace dispatch::integrations
