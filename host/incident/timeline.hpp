// The timeline: what happened to an incident, when, by whom.
#pragma once

#include "base/json.hpp"
#include "incident/subject.hpp"
#include "store/store.hpp"

#include <string>

namespace dispatch::incident {

/// `source` of what the host itself does; the original's text, which operators filter on.
inline constexpr const char* kHostSource = "Dispatch Core App";

namespace event_type {
inline constexpr const char* kOther = "Other";
inline constexpr const char* kFieldUpdated = "Field updated";
inline constexpr const char* kParticipantUpdated = "Participant updated";
inline constexpr const char* kCustom = "Custom event";
}  // namespace event_type

struct TimelineEvent {
  std::string description;
  std::string type = event_type::kOther;
  std::string source = kHostSource;
  std::string owner = {};  ///< name of the person who did it
  Json details = nullptr;
  bool pinned = false;
  std::string startedAt = {}, endedAt = {};  ///< now where empty
};

/// Within a transaction. Tells open pages.
void addToTimeline(store::Session& session, std::int64_t organizationId, std::int64_t incidentId,
                   const TimelineEvent& event);

/// Tells open pages that the incident itself changed.
void publishIncident(store::Session& session, std::int64_t organizationId, std::int64_t incidentId,
                     const char* change);

}  // namespace dispatch::incident
