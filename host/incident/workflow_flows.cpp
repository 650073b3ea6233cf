#include "base/base.hpp"
#include "incident/bindings.hpp"
#include "incident/flows.hpp"
#include "incident/timeline.hpp"

namespace dispatch::incident {
namespace {

using flow::Binding;
using flow::Child;
using flow::Skip;
using flow::StepContext;

/// A workflow's parameters, [{key, value}], as the object that its engine gets.
Json parametersOf(const Json& list) {
  Json params = Json::object();
  if (list.is_object()) return list;
  if (!list.is_array()) return params;
  for (const Json& one : list)
    if (one.is_object() && !textOr(one, "key").empty())
      params[textOr(one, "key")] = one.value("value", Json());
  return params;
}

Binding runAll(const std::string& uiUrl) {
  Binding binding;
  binding.run = [uiUrl](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    Json runs = Json::array();
    for (const store::Row& row :
         step.session.query("SELECT id, name, resource_id, parameters, plugin_instance_id FROM workflow "
                            "WHERE project_id = ? AND enabled = ? AND \"trigger\" = ? ORDER BY id",
                            {step.projectId, true, std::string("incident.create")})) {
      const std::string at = nowText();
      const std::string parameters = row.text("parameters");
      const std::int64_t id = step.session.insert(
          "workflow_instance",
          {{"organization_id", subject->organizationId},
           {"workflow_id", row.integer("id")},
           {"incident_id", subject->id},
           {"creator_id", subject->reporterId ? store::Value(*subject->reporterId) : store::Value()},
           {"parameters", parameters.empty() ? std::string("[]") : parameters},
           {"run_reason", std::string("The incident was created.")},
           {"status", std::string("Submitted")},
           {"created_at", at},
           {"updated_at", at}});
      runs.push_back({{"name", row.text("name")},
                      {"plugin_instance_id", store::toJson(row["plugin_instance_id"])},
                      {"input",
                       {{"workflow_id", row.text("resource_id")},
                        {"params", parametersOf(row.json("parameters"))},
                        {"incident", incidentForPlugins(*subject, uiUrl)},
                        {"workflow_name", row.text("name")},
                        {"workflow_instance_id", id}}}});
    }
    if (runs.empty())
      return Skip{.reason = "No workflow of project " + subject->projectTitle +
                            " runs when an incident is created. Add one under Settings > Workflows.",
                  .retryable = true};
    return Json{{"runs", std::move(runs)}};
  };
  binding.expand = [](StepContext&, const Json& output) {
    std::vector<Child> children;
    for (const Json& run : output.at("runs")) {
      Child child{.key = std::to_string(children.size() + 1),
                  .title = "Run " + textOr(run, "name"),
                  .pluginType = "workflow",
                  .method = "run",
                  .input = run.at("input")};
      if (run.at("plugin_instance_id").is_number_integer())
        child.pluginInstanceId = run.at("plugin_instance_id").get<std::int64_t>();
      children.push_back(std::move(child));
    }
    return children;
  };
  return binding;
}

void record(StepContext& step, const std::string& status, const Json& output) {
  const auto id = step.input.find("workflow_instance_id");
  if (id == step.input.end() || !id->is_number_integer()) return;
  step.session.update("workflow_instance", id->get<std::int64_t>(),
                      {{"status", status},
                       {"weblink", textOr(output, "weblink")},
                       {"resource_id", textOr(output, "instance_id")},
                       {"updated_at", nowText()}});
}

Binding runOne() {
  Binding binding;
  binding.apply = [](StepContext& step, const Json& output) {
    const std::string status = textOr(output, "status");
    record(step, status, output);
    if (!step.session.one("SELECT id FROM incident WHERE id = ?", {step.subjectId})) return;
    addToTimeline(step.session, step.organizationId, step.subjectId,
                  {.description = "Workflow \"" + textOr(step.input, "workflow_name") + "\" is " + status,
                   .details = output});
    publishIncident(step.session, step.organizationId, step.subjectId, "updated");
  };
  binding.failed = [](StepContext& step, const std::string& state, const std::string&) {
    if (state == "failed") record(step, "Failed", Json::object());
  };
  return binding;
}

}  // namespace

std::map<std::string, flow::Binding> workflowBindings(const Context& context) {
  std::map<std::string, flow::Binding> all;
  all["workflow.run"] = runAll(context.uiUrl);
  all["workflow.run/*"] = runOne();
  return all;
}

}  // namespace dispatch::incident
