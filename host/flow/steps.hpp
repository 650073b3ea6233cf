// The tables flow and flow_step: reading them, and the one place where states change and dependants are
// released.
#pragma once

#include "flow/definition.hpp"
#include "flow/engine.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::flow {

struct FlowRow {
  std::int64_t id = 0, organizationId = 0, projectId = 0, subjectId = 0;
  std::string kind, subjectType, state;
  Json input;

  bool cancelled() const { return state == "cancelled"; }
};

struct StepRow {
  std::int64_t id = 0, flowId = 0, organizationId = 0, attempt = 0;
  std::optional<std::int64_t> parentId, pluginInstanceId;
  std::string key, title, state, pluginType, method, leaseOwner, idempotencyKey, effect, reason;
  std::optional<std::string> nextTryAt;
  std::vector<std::string> needs, wants;
  bool pinned = false;  ///< pluginInstanceId was given with the step and no other instance may do it
  bool outcomeUnknown = false, required = false;
  bool decided = false;   ///< a person had it tried again
  bool retryable = true;  ///< where skipped: another try may find it otherwise
  Json input, output;

  bool ready() const { return nextTryAt.has_value(); }
  bool ended() const { return state != "pending" && state != "running"; }
};

using StepColumns = std::vector<std::pair<std::string, store::Value>>;

/// Reads the flow and holds it until the transaction ends. Whoever changes a step's state does this first:
/// two steps that end at once must see each other, or what waits for both would wait for ever. nullopt: the
/// flow is gone.
std::optional<FlowRow> lockFlow(store::Session& session, std::int64_t flowId);
std::optional<FlowRow> readFlow(store::Session& session, std::int64_t flowId);

std::optional<StepRow> readStep(store::Session& session, std::int64_t stepId);
std::vector<StepRow> readSteps(store::Session& session,
                               std::int64_t flowId);  ///< in the order they were written

/// Inserts the steps of a definition, or children; none is ready before settle().
void insertStep(store::Session& session, const FlowRow& flow, const StepDefinition& step);
void insertChild(store::Session& session, const FlowRow& flow, const StepRow& parent, const Child& child);

/// Changes columns of a step and tells open pages. `columns` holds at least "state".
void changeStep(store::Session& session, const FlowRow& flow, const StepRow& step, const std::string& state,
                StepColumns columns);

/// Ends the step as skipped for `skip`'s reason.
void skipStep(store::Session& session, const FlowRow& flow, const StepRow& step, const Skip& skip);

/// Makes ready what may begin, sets waiting what a failed step holds back, and derives the flow's state.
/// `wake` runs after the commit if something became ready.
void settle(store::Session& session, FlowRow& flow, const std::function<void()>& wake);

StepContext makeContext(store::Session& session, const FlowRow& flow, const StepRow& step);

/// The binding of `key`: its own, or its parent's with a star. nullptr if there is none.
const Binding* findBinding(const std::map<std::string, Binding>& bindings, const std::string& key);

}  // namespace dispatch::flow
