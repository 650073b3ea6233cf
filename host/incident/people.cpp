#include "incident/people.hpp"

#include "base/base.hpp"
#include "incident/body.hpp"
#include "incident/incident.hpp"
#include "incident/timeline.hpp"

#include <algorithm>
#include <map>

namespace dispatch::incident {
namespace {

constexpr const char* kRoles[] = {role::kCommander, role::kReporter,    role::kLiaison,
                                  role::kScribe,    role::kParticipant, role::kObserver};

/// The incident's column for a role that one person holds; nullptr for the others.
const char* columnOf(const std::string& name) {
  if (name == role::kCommander) return "commander_id";
  if (name == role::kReporter) return "reporter_id";
  if (name == role::kLiaison) return "liaison_id";
  if (name == role::kScribe) return "scribe_id";
  return nullptr;
}

void assume(store::Session& session, std::int64_t organizationId, std::int64_t participantId,
            const std::string& name) {
  session.insert("participant_role", {{"organization_id", organizationId},
                                      {"participant_id", participantId},
                                      {"role", name},
                                      {"assumed_at", nowText()}});
}

void renounce(store::Session& session, std::int64_t participantId, const std::string& name) {
  session.execute(
      "UPDATE participant_role SET renounced_at = ? WHERE participant_id = ? AND role = ? AND renounced_at "
      "IS NULL",
      {nowText(), participantId, name});
}

std::vector<Person> readPeople(store::Session& session, const std::string& where,
                               const store::Values& parameters) {
  std::vector<Person> result;
  for (const store::Row& row :
       session.query("SELECT p.id, p.individual_contact_id, ic.email, ic.name, r.role FROM participant p "
                     "JOIN individual_contact ic ON ic.id = p.individual_contact_id "
                     "LEFT JOIN participant_role r ON r.participant_id = p.id AND r.renounced_at IS NULL "
                     "WHERE " +
                         where + " ORDER BY p.id, r.id",
                     parameters)) {
    if (result.empty() || result.back().participantId != row.integer("id")) {
      const std::string email = row.text("email");
      result.push_back({row.integer("id"),
                        row.integer("individual_contact_id"),
                        email,
                        row.text("name").empty() ? email : row.text("name"),
                        {}});
    }
    if (const std::string held = row.text("role"); !held.empty()) result.back().roles.push_back(held);
  }
  return result;
}

void participantEvent(store::Session& session, const Subject& subject, const std::string& text,
                      const std::string& by, const std::string& source = kHostSource) {
  addToTimeline(
      session, subject.organizationId, subject.id,
      {.description = text, .type = event_type::kParticipantUpdated, .source = source, .owner = by});
  publishIncident(session, subject.organizationId, subject.id, "updated");
}

}  // namespace

namespace {

/// What is wrong with `name` as a role; "" if nothing.
std::string noRole(const std::string& name) {
  std::string names;
  for (const char* one : kRoles) {
    if (name == one) return "";
    names += (names.empty() ? "" : ", ") + std::string(one);
  }
  return "role must be one of " + names + "; found \"" + name + "\"";
}

}  // namespace

void checkRole(const std::string& name, const std::vector<std::string>& location) {
  if (const std::string wrong = noRole(name); !wrong.empty()) refuseField(location, wrong);
}

void requirePolicyRole(const std::string& role) {
  if (const std::string wrong = noRole(role); !wrong.empty())
    throw Problem(Problem::Kind::invalid, wrong, {"path", "role"});
}

Named findOrAddIndividual(store::Session& session, std::int64_t organizationId, std::int64_t projectId,
                          const std::string& email, const std::string& name) {
  constexpr const char* kFind =
      "SELECT id, name FROM individual_contact WHERE project_id = ? AND lower(email) = lower(?)";
  auto row = session.one(kFind, {projectId, email});
  if (!row) {
    const std::string at = nowText();
    // Two reports at once may both meet somebody new: the second waits for the first and then finds its row.
    session.execute(
        "INSERT INTO individual_contact (organization_id, project_id, email, name, created_at, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        {organizationId, projectId, email, name.empty() ? email : name, at, at});
    row = session.one(kFind, {projectId, email});
    if (!row)
      throw Problem(Problem::Kind::conflict, "The contact of " + email + " changed meanwhile; try again.");
    session.publish({organizationId, "individual_contact", row->integer("id"), "created", Json::object()});
  }
  return {row->integer("id"), row->text("name").empty() ? email : row->text("name")};
}

std::string nameOf(store::Session& session, std::int64_t projectId, const std::string& email) {
  const auto row =
      session.one("SELECT name FROM individual_contact WHERE project_id = ? AND lower(email) = lower(?)",
                  {projectId, email});
  return row && !row->text("name").empty() ? row->text("name") : email;
}

std::optional<Person> findPerson(store::Session& session, std::int64_t incidentId, const std::string& email) {
  auto found = readPeople(session, "p.incident_id = ? AND lower(ic.email) = lower(?)", {incidentId, email});
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<Person> people(store::Session& session, std::int64_t incidentId) {
  return readPeople(session, "p.incident_id = ?", {incidentId});
}

std::int64_t seat(store::Session& session, std::int64_t organizationId, std::int64_t incidentId,
                  std::int64_t individualId, const std::string& inRole) {
  std::int64_t id = 0;
  if (const auto row =
          session.one("SELECT id FROM participant WHERE incident_id = ? AND individual_contact_id = ?",
                      {incidentId, individualId})) {
    id = row->integer("id");
  } else {
    const std::string at = nowText();
    const auto team = session.one(
        "SELECT t.name FROM individual_contact i JOIN team_contact t ON t.id = i.team_contact_id WHERE i.id "
        "= ?",
        {individualId});
    id = session.insert("participant", {{"organization_id", organizationId},
                                        {"incident_id", incidentId},
                                        {"individual_contact_id", individualId},
                                        {"team", team ? store::Value(team->text("name")) : store::Value()},
                                        {"created_at", at},
                                        {"updated_at", at}});
  }
  assume(session, organizationId, id, inRole);
  if (const char* column = columnOf(inRole)) session.update("incident", incidentId, {{column, id}});
  return id;
}

Joined addPerson(store::Session& session, const Subject& subject, const std::string& email,
                 const std::string& asRole, const std::string& by, const std::string& reason,
                 const std::string& name, std::optional<std::int64_t> serviceId, const std::string& source) {
  const auto person = findPerson(session, subject.id, email);
  if (person && person->active()) return Joined::already;
  if (person) {
    // A role that one person holds may be somebody else's by now.
    const auto last =
        session.one("SELECT role FROM participant_role WHERE participant_id = ? ORDER BY id DESC LIMIT 1",
                    {person->participantId});
    const std::string again = last && !columnOf(last->text("role")) ? last->text("role") : asRole;
    assume(session, subject.organizationId, person->participantId, again);
    participantEvent(session, subject, person->name + " takes part again as " + again, by, source);
    sumUpPeople(session, subject.id);
    return Joined::again;
  }
  const Named individual =
      findOrAddIndividual(session, subject.organizationId, subject.projectId, email, name);
  const std::int64_t id = seat(session, subject.organizationId, subject.id, individual.id, asRole);
  if (!reason.empty() || serviceId) {
    const bool known = serviceId && session.one("SELECT id FROM service WHERE id = ? AND project_id = ?",
                                                {*serviceId, subject.projectId});
    session.update("participant", id,
                   {{"added_reason", reason.empty() ? store::Value() : store::Value(reason)},
                    {"service_id", known ? store::Value(*serviceId) : store::Value()}});
  }
  participantEvent(
      session, subject,
      individual.name + " has been added as " + asRole + (reason.empty() ? "" : " (" + reason + ")"), by,
      source);
  sumUpPeople(session, subject.id);
  return Joined::anew;
}

void removePerson(store::Session& session, const Subject& subject, const std::string& email,
                  const std::string& by, const std::string& source) {
  const auto person = findPerson(session, subject.id, email);
  if (!person || !person->active())
    throw Problem(Problem::Kind::notFound, email + " does not take part in " + subject.name + ".");
  if (!subject.closed() &&
      std::find(person->roles.begin(), person->roles.end(), role::kCommander) != person->roles.end())
    throw Problem(Problem::Kind::conflict, person->name + " is the commander of " + subject.name +
                                               ", which is " + subject.status + ". Give the role of " +
                                               role::kCommander + " to somebody else first.");
  for (const std::string& held : person->roles) renounce(session, person->participantId, held);
  participantEvent(session, subject, person->name + " has been removed", by, source);
  sumUpPeople(session, subject.id);
}

bool giveRole(store::Session& session, const Subject& subject, const std::string& email,
              const std::string& toRole, const std::string& by) {
  auto person = findPerson(session, subject.id, email);
  const auto holds = [](const Person& one, const std::string& name) {
    return std::find(one.roles.begin(), one.roles.end(), name) != one.roles.end();
  };
  const char* column = columnOf(toRole);
  if (person && holds(*person, toRole)) {
    const bool shown =
        !column || session.one(std::string("SELECT id FROM incident WHERE id = ? AND ") + column + " = ?",
                               {subject.id, person->participantId});
    if (shown) return false;
  }
  if (column) {
    for (const Person& other : people(session, subject.id)) {
      if (!holds(other, toRole) || (person && other.participantId == person->participantId)) continue;
      renounce(session, other.participantId, toRole);
      if (other.roles.size() == 1)
        assume(session, subject.organizationId, other.participantId, role::kParticipant);
    }
  }
  const Named individual = findOrAddIndividual(session, subject.organizationId, subject.projectId, email);
  if (person && toRole != role::kParticipant) renounce(session, person->participantId, role::kParticipant);
  if (person && toRole != role::kObserver) renounce(session, person->participantId, role::kObserver);
  const std::int64_t participant = person ? person->participantId : 0;
  if (participant != 0 && holds(*person, toRole)) {
    if (column) session.update("incident", subject.id, {{column, participant}});
  } else {
    seat(session, subject.organizationId, subject.id, individual.id, toRole);
  }
  participantEvent(session, subject, individual.name + " has been assigned the role of " + toRole, by);
  sumUpPeople(session, subject.id);
  return true;
}

void endAllRoles(store::Session& session, const Subject& subject, const std::string& at) {
  for (const Person& person : people(session, subject.id)) {
    if (!person.active()) continue;
    session.execute(
        "UPDATE participant_role SET renounced_at = ? WHERE participant_id = ? AND renounced_at IS NULL",
        {at, person.participantId});
    std::string roles;
    for (const std::string& held : person.roles) roles += (roles.empty() ? "" : ", ") + held;
    addToTimeline(
        session, subject.organizationId, subject.id,
        {.description = person.name + " has been released (" + roles + ") as the incident was closed",
         .type = event_type::kParticipantUpdated});
  }
}

void resumeRoles(store::Session& session, const Subject& subject) {
  if (!subject.closedAt) return;
  std::map<std::int64_t, std::vector<std::string>> ended;
  for (const store::Row& row : session.query("SELECT r.participant_id, r.role FROM participant_role r JOIN "
                                             "participant p ON p.id = r.participant_id "
                                             "WHERE p.incident_id = ? AND r.renounced_at = ? ORDER BY r.id",
                                             {subject.id, *subject.closedAt}))
    ended[row.integer("participant_id")].push_back(row.text("role"));
  for (const Person& person : people(session, subject.id)) {
    const auto roles = ended.find(person.participantId);
    if (roles == ended.end() || person.active()) continue;
    for (const std::string& name : roles->second)
      assume(session, subject.organizationId, person.participantId, name);
    addToTimeline(session, subject.organizationId, subject.id,
                  {.description = person.name + " takes part again as " + roles->second.front(),
                   .type = event_type::kParticipantUpdated});
  }
}

bool isFilled(store::Session& session, const Person& person) {
  const auto row = session.one("SELECT department FROM participant WHERE id = ?", {person.participantId});
  return row && !row->text("department").empty();  // "Unknown" where the plugin did not know it
}

void fillPerson(store::Session& session, const Subject& subject, const std::string& email,
                const Json& contact) {
  const auto person = findPerson(session, subject.id, email);
  if (!person) return;
  const auto value = [&](const char* key) { return textOr(contact, key); };
  std::vector<std::pair<std::string, store::Value>> individual, participant;
  // What people wrote themselves stays.
  if (person->name == person->email && !value("fullname").empty())
    individual.emplace_back("name", value("fullname"));
  const auto known =
      session.one("SELECT title, weblink FROM individual_contact WHERE id = ?", {person->individualId});
  for (const char* key : {"title", "weblink"})
    if (known && known->text(key).empty() && !value(key).empty()) individual.emplace_back(key, value(key));
  if (!individual.empty()) individual.emplace_back("updated_at", nowText());
  session.update("individual_contact", person->individualId, individual);
  const auto part =
      session.one("SELECT team, department, location FROM participant WHERE id = ?", {person->participantId});
  for (const char* key : {"team", "department", "location"}) {
    if (!part || !part->text(key).empty()) continue;
    std::string found = value(key);
    if (found.empty()) found = std::string(key) == "team" ? email.substr(email.rfind('@') + 1) : "Unknown";
    participant.emplace_back(key, found);
  }
  if (!participant.empty()) participant.emplace_back("updated_at", nowText());
  session.update("participant", person->participantId, participant);
  sumUpPeople(session, subject.id);
  publishIncident(session, subject.organizationId, subject.id, "updated");
}

void sumUpPeople(store::Session& session, std::int64_t incidentId) {
  const auto most = [&](const char* column) {
    return session.one(std::string("SELECT ") + column +
                           " AS value FROM participant WHERE incident_id = ? AND " + column +
                           " IS NOT NULL AND " + column + " <> 'Unknown' GROUP BY " + column +
                           " ORDER BY count(*) DESC, " + column + " LIMIT 1",
                       {incidentId});
  };
  const auto of = [&](const char* column) {
    return session.one(
        std::string("SELECT p.location AS value FROM incident i JOIN participant p ON p.id = i.") + column +
            " WHERE i.id = ?",
        {incidentId});
  };
  const auto value = [](const std::optional<store::Row>& row) {
    return row ? (*row)["value"] : store::Value();
  };
  session.update("incident", incidentId,
                 {{"participants_team", value(most("team"))},
                  {"participants_location", value(most("location"))},
                  {"commanders_location", value(of("commander_id"))},
                  {"reporters_location", value(of("reporter_id"))}});
}

}  // namespace dispatch::incident
