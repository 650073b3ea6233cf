// Who takes part in an incident and in which role. Everything here works within the caller's transaction and
// writes the timeline.
#pragma once

#include "base/json.hpp"
#include "incident/subject.hpp"
#include "incident/timeline.hpp"
#include "store/store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dispatch::incident {

namespace role {
inline constexpr const char* kCommander = "Incident Commander";
inline constexpr const char* kReporter = "Reporter";
inline constexpr const char* kLiaison = "Liaison";
inline constexpr const char* kScribe = "Scribe";
inline constexpr const char* kParticipant = "Participant";
inline constexpr const char* kObserver = "Observer";
}  // namespace role

/// Throws Problem(invalid) that lists the roles there are.
void checkRole(const std::string& name, const std::vector<std::string>& location);

struct Person {
  std::int64_t participantId = 0, individualId = 0;
  std::string email, name;
  std::vector<std::string> roles;  ///< held now; empty = no longer active
  bool active() const { return !roles.empty(); }
};

/// The individual contact of `email` in the project, made if there is none.
Named findOrAddIndividual(store::Session& session, std::int64_t organizationId, std::int64_t projectId,
                          const std::string& email, const std::string& name = "");
/// How `email` is called on the timeline: their name where it is known.
std::string nameOf(store::Session& session, std::int64_t projectId, const std::string& email);

std::optional<Person> findPerson(store::Session& session, std::int64_t incidentId, const std::string& email);
std::vector<Person> people(store::Session& session, std::int64_t incidentId);  ///< all, also those who left

/// What came of adding somebody.
enum class Joined { already, again, anew };
/// Adds `email` in `asRole`, or in their last role if they were there before. `by`: name for the timeline.
Joined addPerson(store::Session& session, const Subject& subject, const std::string& email,
                 const std::string& asRole, const std::string& by, const std::string& reason = "",
                 const std::string& name = "", std::optional<std::int64_t> serviceId = std::nullopt,
                 const std::string& source = kHostSource);
/// Throws Problem: not taking part, or commander of an incident that is not closed.
void removePerson(store::Session& session, const Subject& subject, const std::string& email,
                  const std::string& by, const std::string& source = kHostSource);

/// Gives `toRole` to `email` and takes it from whoever held it (roles that one person holds). False if they
/// hold it already.
bool giveRole(store::Session& session, const Subject& subject, const std::string& email,
              const std::string& toRole, const std::string& by);
/// Writes a role's row without a word on the timeline: for the people an incident begins with.
std::int64_t seat(store::Session& session, std::int64_t organizationId, std::int64_t incidentId,
                  std::int64_t individualId, const std::string& inRole);

/// Closing ends every role; reopening brings back those that ended with it.
void endAllRoles(store::Session& session, const Subject& subject, const std::string& at);
void resumeRoles(store::Session& session, const Subject& subject);

/// Whether a contact plugin was asked about them already.
bool isFilled(store::Session& session, const Person& person);
/// What a contact plugin knows: into the individual, and into their part in this incident.
void fillPerson(store::Session& session, const Subject& subject, const std::string& email,
                const Json& contact);

/// Teams and locations as the incident's row sums them up.
void sumUpPeople(store::Session& session, std::int64_t incidentId);

}  // namespace dispatch::incident
