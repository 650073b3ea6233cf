#include "flow/engine.hpp"

#include "base/base.hpp"
#include "flow/engine_core.hpp"

#include <stdexcept>

namespace dispatch::flow {
namespace {

std::string skippedBy(const std::string& actor) { return "Skipped by " + actor + "."; }

/// Scheduled for another try, which a person may bring forward.
bool retrying(const StepRow& step) { return step.state == "pending" && step.ready() && step.attempt > 0; }

bool mayRetry(const StepRow& step) {
  return step.state == "failed" || (step.state == "skipped" && step.retryable) || step.state == "uncertain" ||
         retrying(step);
}
/// A step's state in the words of people: one that will be tried again waits; one held back by another has
/// not begun.
std::string shownState(const StepRow& step) {
  return retrying(step) ? "waiting" : step.state == "waiting" ? "pending" : step.state;
}

bool maySkip(const StepRow& step) {
  return step.state == "failed" || step.state == "uncertain" || step.state == "waiting" || retrying(step);
}
bool mayConfirm(const StepRow& step) { return step.state == "uncertain"; }

class DurableEngine final : public Engine {
 public:
  DurableEngine(store::Database& database, integrations::Integrations& integrations, EngineOptions options)
      : _database(database),
        _integrations(integrations),
        _core(std::make_shared<EngineCore>(database, integrations, std::move(options))) {}

  ~DurableEngine() override { _core->stop(std::chrono::seconds(5)); }

  void define(Definition definition, std::map<std::string, Binding> bindings) override {
    for (const StepDefinition& step : definition.steps) {
      const Binding* binding = findBinding(bindings, step.key);
      if (step.method.empty() ? !binding || !binding->run : !binding)
        throw std::logic_error("flow " + definition.kind + ": nothing is bound to step " + step.key);
    }
    const std::string kind = definition.kind;
    _core->kinds[kind] = std::move(bindings);
    _definitions[kind] = std::move(definition);
  }

  const Definition& definition(const std::string& kind) const override {
    const auto found = _definitions.find(kind);
    if (found != _definitions.end()) return found->second;
    std::string names;
    for (const auto& [name, unused] : _definitions) names += (names.empty() ? "" : ", ") + name;
    throw Problem(Problem::Kind::notFound,
                  "There is no flow \"" + kind + "\"; there are " + (names.empty() ? "none" : names) + ".");
  }

  std::vector<std::string> kinds() const override {
    std::vector<std::string> names;
    for (const auto& [name, unused] : _definitions) names.push_back(name);
    return names;
  }

  std::int64_t start(store::Session& session, const Start& start) override {
    const Definition& what = definition(start.kind);
    const std::string at = nowText();
    FlowRow flow{.organizationId = start.organizationId,
                 .projectId = start.projectId,
                 .subjectId = start.subjectId,
                 .kind = start.kind,
                 .subjectType = start.subjectType,
                 .state = "running",
                 .input = start.input};
    flow.id = session.insert("flow", {{"organization_id", start.organizationId},
                                      {"project_id", start.projectId},
                                      {"kind", start.kind},
                                      {"subject_type", start.subjectType},
                                      {"subject_id", start.subjectId},
                                      {"definition", dumpJson(what.toJson())},
                                      {"definition_digest", what.digest()},
                                      {"input", dumpJson(start.input)},
                                      {"state", flow.state},
                                      {"created_at", at},
                                      {"updated_at", at}});
    for (const StepDefinition& step : what.steps) insertStep(session, flow, step);
    session.publish({flow.organizationId,
                     "flow",
                     flow.id,
                     "created",
                     {{start.subjectType + "_id", start.subjectId},
                      {"flow_id", flow.id},
                      {"kind", flow.kind},
                      {"state", flow.state}}});
    settle(session, flow, waker());
    return flow.id;
  }

  void cancel(store::Session& session, const std::string& subjectType, std::int64_t subjectId,
              const std::string& reason) override {
    for (const store::Row& row :
         session.query("SELECT id FROM flow WHERE subject_type = ? AND subject_id = ? ORDER BY id",
                       {subjectType, subjectId})) {
      auto flow = lockFlow(session, row.integer("id"));
      if (!flow || flow->cancelled()) continue;
      const std::string at = nowText();
      for (const StepRow& step : readSteps(session, flow->id)) {
        if (step.state == "running" || step.state == "done" || step.state == "skipped") continue;
        changeStep(session, *flow, step, "skipped",
                   {{"reason", reason}, {"next_try_at", store::Value()}, {"finished_at", at}});
      }
      session.update("flow", flow->id, {{"state", "cancelled"}, {"updated_at", at}, {"finished_at", at}});
      session.publish({flow->organizationId,
                       "flow",
                       flow->id,
                       "updated",
                       {{flow->subjectType + "_id", flow->subjectId},
                        {"flow_id", flow->id},
                        {"kind", flow->kind},
                        {"state", "cancelled"}}});
    }
  }

  void run() override { _core->begin(); }
  void stop(std::chrono::milliseconds limit) override { _core->stop(limit); }

  void retry(std::int64_t stepId, const std::string& actor) override {
    decide(stepId, actor, "retried", mayRetry,
           "Only a step that failed, is uncertain, or was skipped for something that can be changed can be "
           "retried",
           [&](store::Session& session, const FlowRow& flow, const StepRow& step) {
             // What can be found is asked for first; "send again" of what cannot is a person's decision to
             // send again.
             const bool ask = step.outcomeUnknown && step.effect == nameOf(plugin::Effect::findable);
             changeStep(session, flow, step, "pending",
                        {{"next_try_at", store::Value()},
                         {"attempt", std::int64_t{0}},
                         {"outcome_unknown", ask},
                         {"reason", store::Value()},
                         {"error", store::Value()},
                         {"finished_at", store::Value()},
                         {"actor", actor}});
           });
  }

  void skip(std::int64_t stepId, const std::string& actor) override {
    decide(stepId, actor, "skipped", maySkip,
           "Only a step that failed, is uncertain, waits or is being retried can be skipped",
           [&](store::Session& session, const FlowRow& flow, const StepRow& step) {
             changeStep(session, flow, step, "skipped",
                        {{"reason", skippedBy(actor)},
                         {"next_try_at", store::Value()},
                         {"outcome_unknown", false},
                         {"finished_at", nowText()},
                         {"actor", actor}});
           });
  }

  void confirmSent(std::int64_t stepId, const std::string& actor) override {
    decide(stepId, actor, "confirmed", mayConfirm, "Only an uncertain step can be confirmed",
           [&](store::Session& session, const FlowRow& flow, const StepRow& step) {
             changeStep(session, flow, step, "done",
                        {{"reason", "Confirmed by " + actor + "."},
                         {"outcome_unknown", false},
                         {"finished_at", nowText()},
                         {"actor", actor}});
           });
  }

  int retryMissing(const std::string& subjectType, std::int64_t subjectId,
                   const std::string& actor) override {
    std::vector<std::int64_t> wanted;
    {
      const auto session = _database.session();
      for (const store::Row& row : session->query("SELECT id, project_id FROM flow WHERE subject_type = ? "
                                                  "AND subject_id = ? AND state <> 'cancelled' ORDER BY id",
                                                  {subjectType, subjectId}))
        for (const StepRow& step : readSteps(*session, row.integer("id"))) {
          const bool skipped = step.state == "skipped" && step.retryable && !step.pluginType.empty() &&
                               !step.reason.starts_with("Skipped by ");
          if (step.state != "failed" && !skipped) continue;
          if (!step.pluginType.empty() && !servingFor(step, row.integer("project_id"))) continue;
          wanted.push_back(step.id);
        }
    }
    int count = 0;
    for (const std::int64_t id : wanted) {
      try {
        retry(id, actor);
        ++count;
      } catch (const Problem& problem) {
        // Somebody else decided about this one meanwhile.
        if (problem.kind() != Problem::Kind::conflict) throw;
      }
    }
    return count;
  }

  Json describe(store::Session& session, const std::string& subjectType, std::int64_t subjectId) override;

 private:
  bool servingFor(const StepRow& step, std::int64_t projectId) {
    try {
      const auto serving = step.pinned && step.pluginInstanceId
                               ? _integrations.byId(*step.pluginInstanceId)
                               : _integrations.serving(projectId, step.pluginType);
      return serving.instance != nullptr;
    } catch (const Problem&) {
      return false;
    }
  }

  std::function<void()> waker() {
    return [core = _core] { core->wake(); };
  }

  void decide(std::int64_t stepId, const std::string& actor, const std::string& action,
              bool (*may)(const StepRow&), const char* rule,
              const std::function<void(store::Session&, const FlowRow&, const StepRow&)>& change) {
    _database.transact([&](store::Session& session) {
      const auto seen = readStep(session, stepId);
      auto flow = seen ? lockFlow(session, seen->flowId) : std::nullopt;
      const auto step = flow ? readStep(session, stepId) : std::nullopt;
      if (!step) throw Problem(Problem::Kind::notFound, "There is no step " + std::to_string(stepId) + ".");
      if (flow->cancelled())
        throw Problem(Problem::Kind::conflict,
                      "The steps of this flow are closed: what they were for has been deleted.");
      if (!may(*step))
        throw Problem(Problem::Kind::conflict,
                      std::string(rule) + "; \"" + step->title + "\" is " + step->state + " now.");
      change(session, *flow, *step);
      const auto kind = _core->kinds.find(flow->kind);
      const Binding* binding = kind == _core->kinds.end() ? nullptr : findBinding(kind->second, step->key);
      if (binding && binding->decided) {
        StepContext context = makeContext(session, *flow, *step);
        binding->decided(context, action, actor);
      }
      settle(session, *flow, waker());
    });
  }

  store::Database& _database;
  integrations::Integrations& _integrations;
  std::shared_ptr<EngineCore> _core;
  std::map<std::string, Definition> _definitions;
};

Json DurableEngine::describe(store::Session& session, const std::string& subjectType,
                             std::int64_t subjectId) {
  std::map<std::int64_t, Json> plugins;
  Json flows = Json::array();
  for (const store::Row& row : session.query("SELECT id, kind, state, definition, created_at, finished_at "
                                             "FROM flow WHERE subject_type = ? AND subject_id = ? "
                                             "ORDER BY id DESC",
                                             {subjectType, subjectId})) {
    const std::string kind = row.text("kind"), state = row.text("state");
    Json steps = Json::array();
    for (const store::Row& one : session.query(
             "SELECT s.id, s.parent_id, s.\"key\", s.title, s.plugin_type, s.method, s.state, "
             "s.reason, s.attempt, s.next_try_at, "
             "s.effect, s.required, s.actor, s.started_at, s.finished_at, s.outcome_unknown, s.retryable, "
             "i.plugin_slug, p.title AS plugin_title "
             "FROM flow_step s LEFT JOIN plugin_instance i ON i.id = s.plugin_instance_id LEFT "
             "JOIN plugin p ON p.slug = i.plugin_slug "
             "WHERE s.flow_id = ? ORDER BY s.id",
             {row.integer("id")})) {
      StepRow step;
      step.state = one.text("state");
      step.attempt = one.integer("attempt");
      step.nextTryAt = one.optionalText("next_try_at");
      step.retryable = one.boolean("retryable");
      Json actions = Json::array();
      if (state != "cancelled") {
        if (mayRetry(step)) actions.push_back("retry");
        if (maySkip(step)) actions.push_back("skip");
        if (mayConfirm(step)) actions.push_back("confirm");
      }
      steps.push_back({{"id", one.integer("id")},
                       {"parent_id", store::toJson(one["parent_id"])},
                       {"key", one.text("key")},
                       {"title", one.text("title")},
                       {"plugin_type", one.text("plugin_type")},
                       {"plugin", store::toJson(one["plugin_slug"])},
                       {"plugin_title", store::toJson(one["plugin_title"])},
                       {"method", one.text("method")},
                       {"state", shownState(step)},
                       {"reason", store::toJson(one["reason"])},
                       {"attempt", step.attempt},
                       {"next_try_at", retrying(step) ? store::toJson(one["next_try_at"]) : Json()},
                       {"effect", store::toJson(one["effect"])},
                       {"required", one.boolean("required")},
                       {"actor", store::toJson(one["actor"])},
                       {"started_at", store::toJson(one["started_at"])},
                       {"finished_at", store::toJson(one["finished_at"])},
                       {"actions", std::move(actions)}});
    }
    const Json definition = row.json("definition");
    flows.push_back({{"id", row.integer("id")},
                     {"kind", kind},
                     {"title", textOr(definition, "title", kind)},
                     {"state", state},
                     {"created_at", row.text("created_at")},
                     {"finished_at", store::toJson(row["finished_at"])},
                     {"steps", std::move(steps)}});
  }
  return flows;
}

}  // namespace

std::unique_ptr<Engine> Engine::open(store::Database& database, integrations::Integrations& integrations,
                                     EngineOptions options) {
  return std::make_unique<DurableEngine>(database, integrations, std::move(options));
}

}  // namespace dispatch::flow
