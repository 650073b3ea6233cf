#include "flow/runner.hpp"

#include "base/base.hpp"

#include <Poco/Logger.h>

#include <algorithm>

namespace dispatch::flow {
namespace {

Poco::Logger& logger() { return Poco::Logger::get("dispatch.flow"); }

const Binding kNoBinding;

/// Whether an earlier attempt may have taken place and the plugin that made it can tell.
bool asks(const StepRow& step) {
  return step.outcomeUnknown && step.effect == nameOf(plugin::Effect::findable);
}

std::string sentence(const plugin::Outcome& outcome) {
  return outcome.message.empty() ? "the plugin gave no reason" : outcome.message;
}

}  // namespace

struct Runner::Call {
  FlowRow flow;
  StepRow step;
  const Binding& binding;
  integrations::Serving serving;
  plugin::Instance::Method method;
};

Runner::Runner(store::Database& database, integrations::Integrations& integrations, const Kinds& kinds,
               const EngineOptions& options, const Hosts& hosts, const Halt& halt, std::function<void()> wake)
    : _database(database),
      _integrations(integrations),
      _kinds(kinds),
      _options(options),
      _hosts(hosts),
      _halt(halt),
      _wake(std::move(wake)) {}

void Runner::run(std::int64_t stepId, const std::function<void(int)>& laneLimit) {
  std::int64_t flowId = 0;
  try {
    std::optional<StepRow> step;
    std::optional<FlowRow> flow;
    for (int tried = 0;; ++tried) {
      try {
        const auto session = _database.session();
        step = readStep(*session, stepId);
        if (step) flow = readFlow(*session, step->flowId);
        break;
      } catch (const Problem& problem) {
        if (problem.kind() != Problem::Kind::unavailable) throw;
        pause(tried);
      }
    }
    if (!step || !flow) return;
    flowId = flow->id;
    const auto kind = _kinds.find(flow->kind);
    if (kind == _kinds.end())
      return end(stepId, flowId, "failed", "This version of Dispatch knows no flow \"" + flow->kind + "\".");
    const Binding* binding = findBinding(kind->second, step->key);
    if (step->method.empty()) {
      if (!binding || !binding->run)
        return end(stepId, flowId, "failed", "This version of Dispatch has no step \"" + step->key + "\".");
      runHostStep(*flow, *step, *binding);
    } else {
      runPluginStep(*flow, *step, binding ? *binding : kNoBinding, laneLimit);
    }
  } catch (const Lost& lost) {
    logger().warning("step " + std::to_string(stepId) + ": " + lost.what());
  } catch (const std::exception& problem) {
    logger().error("step " + std::to_string(stepId) + " ended in a defect: " + problem.what());
    try {
      if (flowId) end(stepId, flowId, "failed", std::string("Internal error: ") + problem.what());
    } catch (const std::exception& again) {
      logger().error("step " + std::to_string(stepId) + " could not be marked as failed: " + again.what());
    }
  }
}

void Runner::runHostStep(const FlowRow& flow, const StepRow& step, const Binding& binding) {
  if (!step.pluginType.empty()) {
    const auto found = serving(flow, step, binding);
    if (!found->instance) {
      if (found->enablementId == 0) return end(step.id, flow.id, "skipped", found->reason);
      return later(step.id, flow.id, step.attempt + 1, 0, found->reason, false);
    }
  }
  failPoint("flow.before_call", step.key);
  try {
    record(step.id, flow.id, [&](store::Session& session, FlowRow& locked, StepRow& now) {
      if (now.idempotencyKey.empty()) {
        now.idempotencyKey = randomUuid();
        session.update("flow_step", now.id, {{"idempotency_key", now.idempotencyKey}});
      }
      StepContext context = makeContext(session, locked, now);
      const auto result = binding.run(context);
      if (const Skip* skip = std::get_if<Skip>(&result)) {
        skipStep(session, locked, now, *skip);
      } else {
        const Json& output = std::get<Json>(result);
        if (binding.expand && !locked.cancelled()) {
          for (const Child& child : binding.expand(context, output)) insertChild(session, locked, now, child);
          failPoint("flow.after_expand", step.key);
        }
        changeStep(session, locked, now, "done",
                   {{"output", dumpJson(output)},
                    {"attempt", now.attempt + 1},
                    {"reason", store::Value()},
                    {"lease_owner", store::Value()},
                    {"finished_at", nowText()}});
      }
      settle(session, locked, _wake);
      failPoint("flow.before_commit", step.key);
    });
    failPoint("flow.after_commit", step.key);
  } catch (const Problem& problem) {
    if (problem.kind() == Problem::Kind::unavailable && step.attempt + 1 < _options.tries)
      return later(step.id, flow.id, step.attempt + 1, problem.retryAfterMs(), problem.what(), false);
    end(step.id, flow.id, "failed", problem.what(), {{"attempt", step.attempt + 1}});
  }
}

std::optional<integrations::Serving> Runner::serving(const FlowRow& flow, const StepRow& step,
                                                     const Binding& binding) {
  std::optional<std::int64_t> wanted;
  if (step.pinned || asks(step)) wanted = step.pluginInstanceId;
  if (!wanted && binding.instance) {
    const auto session = _database.session();
    StepContext context = makeContext(*session, flow, step);
    wanted = binding.instance(context);
  }
  if (wanted) return _integrations.byId(*wanted);
  return _integrations.serving(flow.projectId, step.pluginType);
}

void Runner::runPluginStep(const FlowRow& flow, const StepRow& step, const Binding& binding,
                           const std::function<void(int)>& laneLimit) {
  Call call{flow, step, binding, {}, {}};
  // The answer came already, and only recording it failed: no second call.
  if (!step.output.is_null()) return finish(call, Json(step.output));

  std::optional<integrations::Serving> found;
  try {
    found = serving(flow, step, binding);
  } catch (const Problem& problem) {
    if (problem.kind() != Problem::Kind::notFound && problem.kind() != Problem::Kind::unavailable) throw;
    found.emplace();
    found->reason = problem.what();
    found->enablementId = problem.kind() == Problem::Kind::unavailable ? 1 : 0;
  }
  call.serving = *found;
  if (!call.serving.instance) {
    // Enabled and not usable now is an outage like another; not there at all is visible at once.
    if (call.serving.enablementId != 0 && step.attempt + 1 < _options.tries)
      return later(step.id, flow.id, step.attempt + 1, 0, call.serving.reason, step.outcomeUnknown);
    if (asks(step))
      return end(step.id, flow.id, "uncertain",
                 "An attempt's outcome is unknown, and the plugin cannot be asked: " + call.serving.reason);
    return end(step.id, flow.id, call.serving.enablementId != 0 ? "failed" : "skipped", call.serving.reason);
  }
  laneLimit(std::max(1, call.serving.instance->manifest().maxConcurrency));

  const auto methods = call.serving.instance->methods();
  const auto method =
      std::find_if(methods.begin(), methods.end(), [&](const auto& one) { return one.name == step.method; });
  if (method == methods.end())
    return end(step.id, flow.id, asks(step) ? "uncertain" : "skipped",
               "The plugin \"" + call.serving.instance->manifest().title + "\" does not offer \"" +
                   step.method + "\".");
  call.method = *method;

  if (asks(step) && find(call)) return;
  const bool unsettled = asks(call.step);
  if (!begin(call)) return;
  failPoint("flow.before_call", step.key);
  // Who pressed Retry has seen what was wrong, and wants to know whether it works now.
  const bool insist = call.step.decided && call.step.attempt == 0;
  const plugin::JsonOutcome outcome = call.serving.instance->invoke(
      call.method.name, call.step.input, {.idempotencyKey = call.step.idempotencyKey, .insist = insist});
  failPoint("flow.after_call", step.key);
  conclude(call, outcome, unsettled);
}

bool Runner::find(Call& call) {
  const auto methods = call.serving.instance->methods();
  const bool offered =
      std::any_of(methods.begin(), methods.end(), [](const auto& one) { return one.name == "find"; });
  if (!offered) {
    end(call.step.id, call.flow.id, "uncertain",
        "An attempt's outcome is unknown, and the plugin \"" + call.serving.instance->manifest().title +
            "\" cannot tell whether it took place. Check on the other side, then choose: it was done, or do "
            "it again.");
    return true;
  }
  failPoint("flow.before_find", call.step.key);
  plugin::JsonOutcome answer =
      call.serving.instance->invoke("find", call.step.input, {.idempotencyKey = call.step.idempotencyKey});
  failPoint("flow.after_find", call.step.key);
  if (answer.ok() && answer.value.is_object() && answer.value.value("found", false)) {
    answer.value.erase("found");
    finish(call, answer.value);
    return true;
  }
  if (answer.ok()) {
    // It did not take place: what follows is an ordinary attempt.
    call.step.outcomeUnknown = false;
    return false;
  }
  const std::int64_t attempt = call.step.attempt + 1;
  if (attempt >= _options.tries || answer.permanent())
    end(call.step.id, call.flow.id, "uncertain",
        "An attempt's outcome is unknown, and asking for it failed: " + sentence(answer) +
            " Check on the other side, then choose: it was done, or do it again.",
        {{"attempt", attempt}});
  else
    later(call.step.id, call.flow.id, attempt, answer.retryAfterMs,
          "Finding out what became of an attempt: " + sentence(answer), true);
  return true;
}

bool Runner::begin(Call& call) {
  bool begun = false;
  try {
    record(call.step.id, call.flow.id, [&](store::Session& session, FlowRow& flow, StepRow& step) {
      begun = false;
      // Tries of one effect are alike: a peer that knows the key would refuse another body under it.
      const bool recorded =
          !step.input.is_null() && (step.attempt > 0 || step.outcomeUnknown || !call.binding.prepare);
      if (step.idempotencyKey.empty()) step.idempotencyKey = randomUuid();
      step.pluginInstanceId = call.serving.enablementId;
      if (!recorded) {
        StepContext context = makeContext(session, flow, step);
        context.input = nullptr;
        std::variant<Json, Skip> prepared = Json::object();
        if (call.binding.prepare) prepared = call.binding.prepare(context);
        if (const Skip* skip = std::get_if<Skip>(&prepared)) {
          skipStep(session, flow, step, *skip);
          settle(session, flow, _wake);
          return;
        }
        step.input = std::get<Json>(std::move(prepared));
      }
      step.attempt += 1;
      changeStep(session, flow, step, "running",
                 {{"input", dumpJson(step.input)},
                  {"idempotency_key", step.idempotencyKey},
                  {"effect", std::string(nameOf(call.method.effect))},
                  {"attempt", step.attempt},
                  {"outcome_unknown", true},
                  {"plugin_instance_id",
                   call.serving.enablementId ? store::Value(call.serving.enablementId) : store::Value()},
                  {"contract_revision", static_cast<std::int64_t>(call.method.contractRevision)},
                  {"config_revision", static_cast<std::int64_t>(call.serving.configRevision)},
                  {"reason", store::Value()}});
      call.step = step;
      begun = true;
    });
  } catch (const Problem& problem) {
    // Nothing was sent: a binding that cannot make its input fails the step, or tries again.
    if (problem.kind() == Problem::Kind::unavailable && call.step.attempt + 1 < _options.tries)
      later(call.step.id, call.flow.id, call.step.attempt + 1, problem.retryAfterMs(), problem.what(),
            call.step.outcomeUnknown);
    else
      end(call.step.id, call.flow.id, "failed", problem.what());
    return false;
  }
  return begun;
}

void Runner::conclude(Call& call, const plugin::JsonOutcome& outcome, bool unsettled) {
  const std::int64_t attempt = call.step.attempt;
  switch (judge(call.method.effect, outcome, attempt, _options.tries, unsettled)) {
    case Next::done:
      return finish(call, outcome.value);
    case Next::again:
      return later(call.step.id, call.flow.id, attempt, outcome.retryAfterMs, sentence(outcome),
                   outcome.uncertain());
    case Next::ask:
      return later(call.step.id, call.flow.id, attempt, outcome.retryAfterMs, sentence(outcome), true);
    case Next::failed:
      return end(
          call.step.id, call.flow.id,
          call.binding.skipsWhatIsNotFound && outcome.status == DISPATCH_ERR_NOT_FOUND ? "skipped" : "failed",
          sentence(outcome));
    case Next::uncertain:
      return end(call.step.id, call.flow.id, "uncertain",
                 sentence(outcome) +
                     " It may have happened or not. Check on the other side, then choose: it was done, or do "
                     "it again.");
  }
}

void Runner::finish(Call& call, const Json& output) {
  try {
    record(
        call.step.id, call.flow.id,
        [&](store::Session& session, FlowRow& flow, StepRow& step) {
          StepContext context = makeContext(session, flow, step);
          if (call.binding.apply) call.binding.apply(context, output);
          if (call.binding.expand && !flow.cancelled()) {
            for (const Child& child : call.binding.expand(context, output))
              insertChild(session, flow, step, child);
            failPoint("flow.after_expand", step.key);
          }
          changeStep(session, flow, step, "done",
                     {{"output", dumpJson(output)},
                      {"outcome_unknown", false},
                      {"reason", store::Value()},
                      {"error", store::Value()},
                      {"lease_owner", store::Value()},
                      {"finished_at", nowText()}});
          settle(session, flow, _wake);
          failPoint("flow.before_commit", step.key);
        },
        call.step.attempt);
    failPoint("flow.after_commit", call.step.key);
  } catch (const Lost&) {
    throw;
  } catch (const std::exception& problem) {
    // The effect exists: it is kept with its answer, and a retry records it without another call.
    logger().error("step " + std::to_string(call.step.id) + " (" + call.step.key +
                   "): the answer could not be recorded: " + problem.what());
    end(call.step.id, call.flow.id, "failed",
        std::string("It was done, but what came of it could not be recorded: ") + problem.what() +
            " Retry records it without doing it again.",
        {{"output", dumpJson(output)}});
  }
}

}  // namespace dispatch::flow
