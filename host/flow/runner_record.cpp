#include "base/base.hpp"
#include "flow/runner.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

namespace dispatch::flow {
namespace {

double randomFraction() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

void Runner::end(std::int64_t stepId, std::int64_t flowId, const std::string& state,
                 const std::string& reason, StepColumns more) {
  record(stepId, flowId, [&](store::Session& session, FlowRow& flow, StepRow& step) {
    StepColumns columns = more;
    columns.emplace_back("reason", reason);
    if (state == "failed") columns.emplace_back("error", reason);
    columns.push_back({"lease_owner", store::Value()});
    // An uncertain step keeps the mark: a findable one is asked for first when a person retries it.
    if (state != "uncertain") columns.emplace_back("outcome_unknown", false);
    columns.emplace_back("finished_at", nowText());
    changeStep(session, flow, step, state, std::move(columns));
    const auto kind = _kinds.find(flow.kind);
    const Binding* binding = kind == _kinds.end() ? nullptr : findBinding(kind->second, step.key);
    if (binding && binding->failed && (state == "failed" || state == "uncertain")) {
      StepContext context = makeContext(session, flow, step);
      binding->failed(context, state, reason);
    }
    settle(session, flow, _wake);
    failPoint("flow.before_commit", step.key);
  });
}

void Runner::later(std::int64_t stepId, std::int64_t flowId, std::int64_t attempt, std::uint32_t retryAfterMs,
                   const std::string& reason, bool outcomeUnknown) {
  const auto wait = pauseAfter(attempt, retryAfterMs, _options, randomFraction());
  record(stepId, flowId, [&](store::Session& session, FlowRow& flow, StepRow& step) {
    changeStep(session, flow, step, "pending",
               {{"next_try_at", toText(now() + wait)},
                {"attempt", attempt},
                {"outcome_unknown", outcomeUnknown},
                {"reason", reason},
                {"error", reason},
                {"lease_owner", store::Value()}});
    session.afterCommit(_wake);
  });
}

void Runner::record(std::int64_t stepId, std::int64_t flowId,
                    const std::function<void(store::Session&, FlowRow&, StepRow&)>& work,
                    std::optional<std::int64_t> answered) {
  for (int tried = 0;; ++tried) {
    if (_halt.abandoned) throw Lost("its outcome came after the engine had stopped");
    try {
      _database.transact([&](store::Session& session) {
        auto flow = lockFlow(session, flowId);
        auto step = readStep(session, stepId);
        if (!flow || !step) throw Lost("it was deleted meanwhile");
        const bool ours = step->state == "running" && step->leaseOwner == _hosts.id();
        // A host that took us for dead has left the question to people; here is the answer.
        const bool open = answered && step->state == "uncertain" && step->attempt == *answered;
        if (!ours && !open) throw Lost("another host has taken it over");
        work(session, *flow, *step);
      });
      return;
    } catch (const Problem& problem) {
      if (problem.kind() != Problem::Kind::unavailable) throw;
      // Either the database is away, which is waited out with the answer in hand, or a binding wants a later
      // try.
      if (tried >= 3 && databaseAnswers()) throw;
      pause(tried);
    }
  }
}

bool Runner::databaseAnswers() const {
  try {
    _database.ping();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void Runner::pause(int tried) const {
  if (_halt.stopping) throw Lost("the database is away while the engine stops");
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(5000, 100 << std::min(tried, 6))));
}

}  // namespace dispatch::flow
