// The changes themselves, each within its caller's transaction. Who may make them was checked before.
#pragma once

#include "auth/auth.hpp"
#include "incident/incident.hpp"
#include "incident/people.hpp"
#include "incident/timeline.hpp"

#include <string>

namespace dispatch::incident {

/// Who is named as having done it: a person, or the plugin that acts by itself.
inline const std::string& actorOf(const auth::Principal& who) {
  return who.email.empty() ? who.plugin : who.email;
}
/// The same, as the timeline calls them.
inline std::string authorOf(store::Session& session, std::int64_t projectId, const auth::Principal& who) {
  return who.email.empty() ? who.plugin : nameOf(session, projectId, who.email);
}
/// `source` of timeline events: the plugin's title where one acts.
inline std::string sourceOf(const auth::Principal& who) {
  return who.plugin.empty() ? kHostSource : who.plugin;
}

/// A report: the incident, its people, its first event, its flow. Answers its id.
std::int64_t createIncident(const Context& context, store::Session& session, const auth::Principal& who,
                            const Json& body);
/// What `body` names, from `before` on, which is locked.
void changeIncident(const Context& context, store::Session& session, const auth::Principal& who,
                    Subject before, const Json& body);
/// Adds `email` in `role`. False if they take part already.
bool bringIn(const Context& context, store::Session& session, const auth::Principal& who,
             const Subject& subject, const std::string& email, const std::string& role);
/// Ends that `email` takes part. Throws Problem as removePerson does.
void takeOut(const Context& context, store::Session& session, const auth::Principal& who,
             const Subject& subject, const std::string& email);

}  // namespace dispatch::incident
