#pragma once

#include <dispatch/sdk.hpp>

#include <string>
#include <string_view>

namespace redmine {

enum class Markup { textile, markdown };

/// The part of an issue's description that Dispatch writes: what the incident is, and links. It begins and
/// ends with a line of its own; what people write before and behind it is theirs.
std::string partOf(const dispatch::Incident& incident, const dispatch::Json& links, Markup markup);

/// The line that the part begins with: an issue that has it belongs to the incident.
std::string markOf(const dispatch::Incident& incident);
bool isMarked(std::string_view description, const dispatch::Incident& incident);

/// `description` with its part replaced by `part`, or with `part` behind it where somebody took it out.
std::string withPart(std::string_view description, const dispatch::Incident& incident, std::string_view part);

}  // namespace redmine
