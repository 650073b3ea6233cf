// What the bindings of this room share: how a step about the incident, or about one of its resources, begins.
#pragma once

#include "flow/flow.hpp"
#include "incident/people.hpp"
#include "incident/resources.hpp"
#include "incident/subject.hpp"

#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace dispatch::incident {

using Prepared = std::variant<Json, flow::Skip>;

inline const flow::Skip kGone{"The incident has been deleted."};

/// A step whose input is about the incident.
using AboutIncident = std::function<Prepared(flow::StepContext&, const Subject&)>;
flow::Binding aboutIncident(AboutIncident prepare);

/// A call about a resource that is there: to the plugin that made it, skipped where there is none.
/// `prepare` finds its reference in `Resources`.
using AboutResource = std::function<Prepared(flow::StepContext&, const Subject&, const Resources&)>;
flow::Binding aboutResource(const ResourceKind& kind, AboutResource prepare);

/// The call that makes a resource, skipped where there is one, and recorded as the incident's.
flow::Binding makesResource(const ResourceKind& kind, AboutIncident prepare);

/// The same about a resource that outlives the incident's rows: by its key in the flow's input.
flow::Binding aboutRemembered(const std::string& key, const std::string& title,
                              std::function<Prepared(const Json& flowInput, const Resource&)> prepare);

/// {email, name} of everybody who takes part.
Json mailboxesOf(const std::vector<Person>& people);
Json activeMailboxes(flow::StepContext& step);

/// Whom this flow's own search brought in ("participants.resolve").
std::vector<Person> joinedInFlow(flow::StepContext& step);

}  // namespace dispatch::incident
