#include "base/base.hpp"
#include "incident/body.hpp"
#include "incident/changes.hpp"
#include "incident/flows.hpp"
#include "incident/incident.hpp"
#include "incident/people.hpp"
#include "incident/permissions.hpp"
#include "incident/resources.hpp"
#include "incident/timeline.hpp"

namespace dispatch::incident {
namespace {

Subject locked(store::Session& session, std::int64_t id) {
  auto subject = readSubject(session, id, true);
  if (!subject)
    throw Problem(Problem::Kind::notFound, "No incident with id " + std::to_string(id) + " exists");
  return std::move(*subject);
}

}  // namespace

bool bringIn(const Context& context, store::Session& session, const auth::Principal& who,
             const Subject& subject, const std::string& email, const std::string& role) {
  if (addPerson(session, subject, email, role, authorOf(session, subject.projectId, who), "", "",
                std::nullopt, sourceOf(who)) == Joined::already)
    return false;
  startFlow(context, session, subject, "incident.participant", {{"actor", actorOf(who)}, {"email", email}});
  return true;
}

void takeOut(const Context& context, store::Session& session, const auth::Principal& who,
             const Subject& subject, const std::string& email) {
  removePerson(session, subject, email, authorOf(session, subject.projectId, who), sourceOf(who));
  startFlow(context, session, subject, "incident.leave", {{"actor", actorOf(who)}, {"email", email}});
}

void Incidents::join(const auth::Principal& who, std::int64_t id) {
  _context.database.transact([&](store::Session& session) {
    requireJoin(session, who, id);
    const Subject subject = locked(session, id);
    bringIn(_context, session, who, subject, checkedEmail(who.email, {"email"}), role::kObserver);
  });
}

void Incidents::addParticipant(const auth::Principal& who, std::int64_t id, const std::string& email,
                               const std::string& role) {
  const std::string address = checkedEmail(email, {"email"});
  checkRole(role, {"role"});
  _context.database.transact([&](store::Session& session) {
    requireEdit(session, who, id);
    const Subject subject = locked(session, id);
    if (role == role::kParticipant || role == role::kObserver)
      bringIn(_context, session, who, subject, address, role);
    else if (giveRole(session, subject, address, role, nameOf(session, subject.projectId, who.email)))
      startFlow(_context, session, subject, "incident.participant",
                {{"actor", who.email}, {"email", address}});
  });
}

void Incidents::removeParticipant(const auth::Principal& who, std::int64_t id, const std::string& email) {
  const std::string address = checkedEmail(email, {"email"});
  _context.database.transact([&](store::Session& session) {
    requireEdit(session, who, id);
    const Subject subject = locked(session, id);
    takeOut(_context, session, who, subject, address);
  });
}

void Incidents::assignRole(const auth::Principal& who, std::int64_t id, const std::string& email,
                           const std::string& role) {
  const std::string address = checkedEmail(email, {"email"});
  checkRole(role, {"role"});
  _context.database.transact([&](store::Session& session) {
    requireEdit(session, who, id);
    const Subject subject = locked(session, id);
    if (!giveRole(session, subject, address, role, nameOf(session, subject.projectId, who.email))) return;
    session.update("incident", id, {{"version", subject.version + 1}, {"updated_at", nowText()}});
    startFlow(_context, session, subject, "incident.role",
              {{"actor", who.email}, {"email", address}, {"role", role}});
    flow::failPoint("incident.before_commit", "role");
  });
}

void Incidents::remove(const auth::Principal& who, std::int64_t id) {
  _context.database.transact([&](store::Session& session) {
    requireEdit(session, who, id);
    const Subject subject = locked(session, id);
    _context.engine.cancel(session, "incident", id, "The incident has been deleted.");
    // What it has on the outside is deleted by a flow of its own, which outlives what that was made for.
    startFlow(_context, session, subject, "incident.delete",
              {{"actor", who.email},
               {"name", subject.name},
               {"ticket", {{"resource_id", subject.ticketId}, {"weblink", subject.ticketWeblink}}},
               {"plugin_instance_id",
                subject.ticketPluginInstanceId ? Json(*subject.ticketPluginInstanceId) : Json()},
               {"resources", rememberResources(readResources(session, id))}});
    session.execute("DELETE FROM incident WHERE id = ?", {id});
    store::writeAudit(session, {subject.organizationId,
                                who.email,
                                "incident.delete",
                                subject.name,
                                {{"id", id}, {"status", subject.status}}});
    publishIncident(session, subject.organizationId, id, "deleted");
  });
}

}  // namespace dispatch::incident
