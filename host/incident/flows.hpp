// What the steps of the incident flows mean. The flows themselves are data: flows/*.json.
#pragma once

#include "flow/flow.hpp"
#include "incident/incident.hpp"
#include "incident/subject.hpp"

#include <map>
#include <string>
#include <vector>

namespace dispatch::incident {

/// The built-in definitions, embedded at build.
const std::vector<std::string>& flowTexts();

/// What every step may mean, by key; a definition picks those it names.
std::map<std::string, flow::Binding> incidentBindings(const Context& context);
std::map<std::string, flow::Binding> resourceBindings(const Context& context);
std::map<std::string, flow::Binding> conversationBindings(const Context& context);
std::map<std::string, flow::Binding> mailBindings(const Context& context);
std::map<std::string, flow::Binding> workflowBindings(const Context& context);

/// Adds what all steps share: failures and people's decisions go to the incident's timeline.
flow::Binding onTimeline(flow::Binding binding);

/// Starts a flow of `subject` in the caller's transaction.
std::int64_t startFlow(const Context& context, store::Session& session, const Subject& subject,
                       const std::string& kind, Json input);

}  // namespace dispatch::incident
