#pragma once

#include <dispatch/sdk/plugin.hpp>

namespace dispatch {

struct WorkflowInstance {
  std::string status;  ///< "Running", "Completed" or "Failed"
  std::string weblink;
  std::string instanceId;  ///< the other side's name for this run
  Json artifacts = Json::array();
};
inline Json toJson(const WorkflowInstance& instance) {
  Json out{{"status", instance.status}, {"artifacts", instance.artifacts}};
  sdk::put(out, "weblink", instance.weblink);
  sdk::put(out, "instance_id", instance.instanceId);
  return out;
}

struct WorkflowRun {
  std::string workflowId;
  Json params;
  Incident incident;
  static WorkflowRun fromJson(const Json& value) {
    const Members in(value);
    return {in.text("workflow_id"), in.object("params"), Incident::fromJson(in.object("incident"))};
  }
};

struct WorkflowQuery {
  std::string workflowId;
  std::vector<std::string> tags;
  static WorkflowQuery fromJson(const Json& value) {
    const Members in(value);
    return {in.text("workflow_id"), in.texts("tags")};
  }
};

/// An automation system: contracts/workflow.json.
class WorkflowPlugin : public Plugin {
 public:
  using Plugin::Plugin;
  DISPATCH_SDK_METHOD(Run, run, "run", WorkflowRun, WorkflowInstance, 1, Effect::atMostOnce, true,
                      "WorkflowInstance run(const Call&, const WorkflowRun&)");
  DISPATCH_SDK_METHOD(GetInstance, getInstance, "get_instance", WorkflowQuery, WorkflowInstance, 1,
                      Effect::read, false, "WorkflowInstance getInstance(const Call&, const WorkflowQuery&)");
  using Methods = sdk::MethodList<Run, GetInstance>;

 protected:
  ~WorkflowPlugin() = default;
};

}  // namespace dispatch
