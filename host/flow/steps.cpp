#include "flow/steps.hpp"

#include "base/base.hpp"

#include <algorithm>

namespace dispatch::flow {
namespace {

constexpr const char* kFlowColumns =
    "SELECT id, organization_id, project_id, kind, subject_type, subject_id, state, input FROM flow";
constexpr const char* kStepColumns =
    "SELECT id, flow_id, organization_id, parent_id, plugin_instance_id, \"key\", title, \"after\", state, "
    "reason, plugin_type, "
    "method, lease_owner, idempotency_key, effect, next_try_at, attempt, outcome_unknown, required, "
    "retryable, input, "
    "output, actor FROM flow_step";

std::optional<FlowRow> readFlow(store::Session& session, std::int64_t flowId, const char* suffix) {
  const auto row = session.one(std::string(kFlowColumns) + " WHERE id = ?" + suffix, {flowId});
  if (!row) return std::nullopt;
  FlowRow flow;
  flow.id = row->integer("id");
  flow.organizationId = row->integer("organization_id");
  flow.projectId = row->integer("project_id");
  flow.kind = row->text("kind");
  flow.subjectType = row->text("subject_type");
  flow.subjectId = row->integer("subject_id");
  flow.state = row->text("state");
  flow.input = row->json("input");
  return flow;
}

StepRow toStep(const store::Row& row) {
  StepRow step;
  step.id = row.integer("id");
  step.flowId = row.integer("flow_id");
  step.organizationId = row.integer("organization_id");
  step.parentId = row.optionalInteger("parent_id");
  step.pluginInstanceId = row.optionalInteger("plugin_instance_id");
  step.key = row.text("key");
  step.title = row.text("title");
  step.state = row.text("state");
  step.reason = row.text("reason");
  step.pluginType = row.text("plugin_type");
  step.method = row.text("method");
  step.leaseOwner = row.text("lease_owner");
  step.idempotencyKey = row.text("idempotency_key");
  step.effect = row.text("effect");
  step.nextTryAt = row.optionalText("next_try_at");
  step.attempt = row.integer("attempt");
  step.outcomeUnknown = row.boolean("outcome_unknown");
  step.required = row.boolean("required");
  step.retryable = row.boolean("retryable");
  step.decided = row.optionalText("actor").has_value();
  step.input = row.json("input");
  step.output = row.json("output");
  const Json after = row.json("after");
  if (after.is_object()) {
    step.needs = after.value("needs", std::vector<std::string>());
    step.wants = after.value("wants", std::vector<std::string>());
    step.pinned = after.value("pinned", false);
  }
  return step;
}

void tell(store::Session& session, const FlowRow& flow, const char* subject, std::int64_t id,
          const char* change, Json data) {
  data[flow.subjectType + "_id"] = flow.subjectId;
  data["flow_id"] = flow.id;
  session.publish({flow.organizationId, subject, id, change, std::move(data)});
}

bool isOrIsUnder(const std::string& key, const std::string& dependency) {
  return key.starts_with(dependency) && (key.size() == dependency.size() || key[dependency.size()] == '/');
}

enum class Standing { free, later, held };

/// Whether `step` may begin, given all steps of its flow; `holder` is the title of the step that holds it
/// back.
Standing standing(const StepRow& step, const std::vector<StepRow>& all, std::string& holder) {
  Standing result = Standing::free;
  for (const std::string& need : step.needs)
    for (const StepRow& other : all)
      if (other.key == need &&
          (other.state == "failed" || other.state == "uncertain" || other.state == "waiting")) {
        holder = "\"" + other.title + "\", which " +
                 (other.state == "failed"      ? "failed"
                  : other.state == "uncertain" ? "is uncertain"
                                               : "waits itself");
        return Standing::held;
      }
  for (const auto* list : {&step.needs, &step.wants})
    for (const std::string& dependency : *list)
      for (const StepRow& other : all)
        if (isOrIsUnder(other.key, dependency) && !other.ended()) result = Standing::later;
  return result;
}

std::string derivedState(const std::vector<StepRow>& steps) {
  bool open = false, stuck = false, failed = false;
  for (const StepRow& step : steps) {
    open |= !step.ended();
    stuck |= step.state == "uncertain" || step.state == "waiting";
    failed |= step.state == "failed";
  }
  return open ? "running" : stuck ? "waiting" : failed ? "done with failures" : "done";
}

}  // namespace

std::optional<FlowRow> readFlow(store::Session& session, std::int64_t flowId) {
  return readFlow(session, flowId, "");
}

std::optional<FlowRow> lockFlow(store::Session& session, std::int64_t flowId) {
  // SQLite's transactions exclude each other already.
  return readFlow(session, flowId, session.dialect() == store::Dialect::postgresql ? " FOR UPDATE" : "");
}

std::optional<StepRow> readStep(store::Session& session, std::int64_t stepId) {
  const auto row = session.one(std::string(kStepColumns) + " WHERE id = ?", {stepId});
  if (!row) return std::nullopt;
  return toStep(*row);
}

std::vector<StepRow> readSteps(store::Session& session, std::int64_t flowId) {
  std::vector<StepRow> steps;
  for (const store::Row& row :
       session.query(std::string(kStepColumns) + " WHERE flow_id = ? ORDER BY id", {flowId}))
    steps.push_back(toStep(row));
  return steps;
}

void insertStep(store::Session& session, const FlowRow& flow, const StepDefinition& step) {
  const std::string at = nowText();
  session.insert("flow_step", {{"organization_id", flow.organizationId},
                               {"flow_id", flow.id},
                               {"key", step.key},
                               {"title", step.title},
                               {"after", dumpJson({{"needs", step.needs}, {"wants", step.wants}})},
                               {"plugin_type", step.pluginType},
                               {"method", step.method},
                               {"required", step.required},
                               {"created_at", at},
                               {"updated_at", at}});
}

void insertChild(store::Session& session, const FlowRow& flow, const StepRow& parent, const Child& child) {
  const std::string at = nowText();
  const std::int64_t id = session.insert(
      "flow_step", {{"organization_id", flow.organizationId},
                    {"flow_id", flow.id},
                    {"parent_id", parent.id},
                    {"key", parent.key + "/" + child.key},
                    {"title", child.title},
                    {"after", dumpJson({{"pinned", child.pluginInstanceId.has_value()}})},
                    {"plugin_type", child.pluginType},
                    {"method", child.method},
                    {"plugin_instance_id",
                     child.pluginInstanceId ? store::Value(*child.pluginInstanceId) : store::Value()},
                    {"required", parent.required},
                    {"input", dumpJson(child.input)},
                    {"created_at", at},
                    {"updated_at", at}});
  tell(session, flow, "flow_step", id, "created",
       {{"key", parent.key + "/" + child.key}, {"state", "pending"}});
}

void changeStep(store::Session& session, const FlowRow& flow, const StepRow& step, const std::string& state,
                StepColumns columns) {
  columns.emplace_back("state", state);
  columns.emplace_back("updated_at", nowText());
  session.update("flow_step", step.id, columns);
  tell(session, flow, "flow_step", step.id, "updated", {{"key", step.key}, {"state", state}});
}

void skipStep(store::Session& session, const FlowRow& flow, const StepRow& step, const Skip& skip) {
  changeStep(session, flow, step, "skipped",
             {{"reason", skip.reason},
              {"retryable", skip.retryable},
              {"lease_owner", store::Value()},
              {"finished_at", nowText()}});
}

void settle(store::Session& session, FlowRow& flow, const std::function<void()>& wake) {
  std::vector<StepRow> steps = readSteps(session, flow.id);
  bool released = false;
  const std::string at = nowText();
  // Holding one step back, or freeing it again, may decide about those after it: repeated until nothing
  // changes. Each round moves at least one step along the definition, which has no circles.
  for (bool changed = !flow.cancelled(); changed;) {
    changed = false;
    for (StepRow& step : steps) {
      const bool waiting = step.state == "waiting";
      if (!waiting && !(step.state == "pending" && !step.ready())) continue;
      std::string holder;
      const Standing now = standing(step, steps, holder);
      if (now == Standing::held && !waiting) {
        step.state = "waiting";
        changeStep(session, flow, step, "waiting",
                   {{"reason", "Waits for " + holder + ". Retry or skip that step first."}});
      } else if (now == Standing::free) {
        step.state = "pending";
        step.nextTryAt = at;
        released = true;
        changeStep(session, flow, step, "pending", {{"next_try_at", at}, {"reason", store::Value()}});
      } else if (now == Standing::later && waiting) {
        step.state = "pending";
        changeStep(session, flow, step, "pending",
                   {{"next_try_at", store::Value()}, {"reason", store::Value()}});
      } else {
        continue;
      }
      changed = true;
    }
  }
  if (released) session.afterCommit(wake);
  if (flow.cancelled()) return;
  const std::string state = derivedState(steps);
  if (state == flow.state) return;
  flow.state = state;
  session.update("flow", flow.id,
                 {{"state", state},
                  {"updated_at", at},
                  {"finished_at", state == "running" ? store::Value() : store::Value(at)}});
  tell(session, flow, "flow", flow.id, "updated", {{"state", state}, {"kind", flow.kind}});
}

StepContext makeContext(store::Session& session, const FlowRow& flow, const StepRow& step) {
  StepContext context{.session = session,
                      .flowId = flow.id,
                      .stepId = step.id,
                      .organizationId = flow.organizationId,
                      .projectId = flow.projectId,
                      .subjectId = flow.subjectId,
                      .key = step.key,
                      .flowInput = flow.input,
                      .output = {},
                      .children = {},
                      .input = step.input,
                      .pluginInstanceId = step.pluginInstanceId,
                      .idempotencyKey = step.idempotencyKey};
  context.output = [&session, id = flow.id](const std::string& key) -> Json {
    const auto row = session.one(
        "SELECT output FROM flow_step WHERE flow_id = ? AND \"key\" = ? AND state = 'done'", {id, key});
    return row ? row->json("output") : Json();
  };
  context.children = [&session, id = flow.id](const std::string& key) {
    std::vector<StepResult> results;
    for (StepRow& one : readSteps(session, id))
      if (one.key.size() > key.size() && isOrIsUnder(one.key, key))
        results.push_back({one.key, one.state, std::move(one.input), std::move(one.output)});
    return results;
  };
  return context;
}

const Binding* findBinding(const std::map<std::string, Binding>& bindings, const std::string& key) {
  if (const auto own = bindings.find(key); own != bindings.end()) return &own->second;
  const auto slash = key.rfind('/');
  if (slash == std::string::npos) return nullptr;
  const auto star = bindings.find(key.substr(0, slash) + "/*");
  return star == bindings.end() ? nullptr : &star->second;
}

}  // namespace dispatch::flow
