// Who is told of incidents: a project's notifications, each with search filters that choose.
#pragma once

#include "flow/flow.hpp"
#include "store/store.hpp"

#include <string>

namespace dispatch::incident {

/// Rows (id, name, target) of the enabled notifications of `type` ("email", "conversation") that apply to the
/// step's incident: one of the notification's filters matches it, or it has none. A filter that cannot be
/// read chooses nothing, which stands on the timeline.
store::Rows applicableNotifications(flow::StepContext& step, const store::Models& models,
                                    const std::string& type);

}  // namespace dispatch::incident
