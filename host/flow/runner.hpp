// One claimed step, from its input to its recorded outcome.
#pragma once

#include "flow/hosts.hpp"
#include "flow/steps.hpp"
#include "flow/verdict.hpp"
#include "integrations/integrations.hpp"

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <variant>

namespace dispatch::flow {

/// The step is not ours any more (another host took it, or the engine gave up): whoever has it now records
/// what becomes of it.
struct Lost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Runs steps that this host has claimed. [any-thread], but one thread per step.
class Runner {
 public:
  struct Halt {
    std::atomic<bool> stopping{false};   ///< no waiting for a database that is away
    std::atomic<bool> abandoned{false};  ///< what is still in flight records nothing any more
  };

  Runner(store::Database& database, integrations::Integrations& integrations, const Kinds& kinds,
         const EngineOptions& options, const Hosts& hosts, const Halt& halt, std::function<void()> wake);

  /// Never throws. `laneLimit` is told how many calls the plugin takes at a time, once that is known.
  void run(std::int64_t stepId, const std::function<void(int)>& laneLimit);

 private:
  struct Call;  ///< what a plugin step has found out so far

  void runHostStep(const FlowRow& flow, const StepRow& step, const Binding& binding);
  void runPluginStep(const FlowRow& flow, const StepRow& step, const Binding& binding,
                     const std::function<void(int)>& laneLimit);
  /// Commits input, key and "an attempt begins"; false = the step was skipped or failed instead.
  bool begin(Call& call);
  /// Asks whether an attempt of unknown outcome took place; true = the answer settled the step.
  bool find(Call& call);
  void conclude(Call& call, const plugin::JsonOutcome& outcome, bool unsettled);
  void finish(Call& call, const Json& output);

  std::optional<integrations::Serving> serving(const FlowRow& flow, const StepRow& step,
                                               const Binding& binding);
  void end(std::int64_t stepId, std::int64_t flowId, const std::string& state, const std::string& reason,
           StepColumns more = {});
  void later(std::int64_t stepId, std::int64_t flowId, std::int64_t attempt, std::uint32_t retryAfterMs,
             const std::string& reason, bool outcomeUnknown);

  /// `work` in a transaction with the flow locked and the step still ours; waits out a database that is away.
  /// Throws Lost. `answered`: the number of an attempt whose answer is in hand.
  void record(std::int64_t stepId, std::int64_t flowId,
              const std::function<void(store::Session&, FlowRow&, StepRow&)>& work,
              std::optional<std::int64_t> answered = std::nullopt);
  bool databaseAnswers() const;
  void pause(int tried) const;

  store::Database& _database;
  integrations::Integrations& _integrations;
  const Kinds& _kinds;
  const EngineOptions& _options;
  const Hosts& _hosts;
  const Halt& _halt;
  std::function<void()> _wake;
};

}  // namespace dispatch::flow
