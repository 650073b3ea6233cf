// Steps about groups, folders, documents, conferences and people on call.
#include "base/base.hpp"
#include "incident/bindings.hpp"
#include "incident/body.hpp"
#include "incident/flows.hpp"
#include "incident/timeline.hpp"

#include <map>

namespace dispatch::incident {
namespace {

using flow::Binding;
using flow::Child;
using flow::Skip;
using flow::StepContext;

Json one(const Person& person) { return {{"email", person.email}, {"name", person.name}}; }

/// The person whom a flow about somebody is about, while they take part.
std::optional<Person> whom(StepContext& step) {
  auto person = findPerson(step.session, step.subjectId, textOr(step.flowInput, "email"));
  if (person && !person->active()) return std::nullopt;
  return person;
}

/// Who was refused stands on the timeline: the call went well, and somebody is missing all the same.
void noteRejected(StepContext& step, const Json& output, const std::string& where) {
  if (!step.session.one("SELECT id FROM incident WHERE id = ?", {step.subjectId})) return;
  for (const Json& refusal : output.value("rejected", Json::array()))
    addToTimeline(step.session, step.organizationId, step.subjectId,
                  {.description = textOr(refusal, "email") + " could not be added to the " + where +
                                  ". Reason: " + textOr(refusal, "reason"),
                   .source = answeredBy(step)});
}

// --- Participant groups ------------------------------------------------------------------------------------

Json groupInput(const Subject& subject, const std::string& uiUrl, const char* purpose, Json members) {
  const bool tactical = std::string_view(purpose) == "tactical";
  return {{"incident", incidentForPlugins(subject, uiUrl)},
          {"name", tactical ? subject.name : subject.name + "-notifications"},
          {"purpose", purpose},
          {"participants", std::move(members)}};
}

Binding tacticalGroup(const std::string& uiUrl) {
  return makesResource(resource::kTactical, [uiUrl](StepContext& step, const Subject& subject) -> Prepared {
    return groupInput(subject, uiUrl, "tactical", activeMailboxes(step));
  });
}

Binding notificationsGroup(const std::string& uiUrl) {
  return makesResource(
      resource::kNotifications, [uiUrl](StepContext& step, const Subject& subject) -> Prepared {
        Json teams = Json::array();
        for (const Json& team : step.output("participants.resolve").value("teams", Json::array()))
          if (!textOr(team, "email").empty())
            teams.push_back({{"email", textOr(team, "email")}, {"name", textOr(team, "name")}});
        if (teams.empty()) return Skip{"No team is concerned by this incident."};
        return groupInput(subject, uiUrl, "notifications", std::move(teams));
      });
}

/// Those who came in by this flow's search, or the one it is about.
Json newcomers(StepContext& step) {
  if (step.flowInput.contains("email")) {
    const auto person = whom(step);
    return person ? Json::array({one(*person)}) : Json::array();
  }
  return mailboxesOf(joinedInFlow(step));
}

Binding addsPeople(const ResourceKind& kind, const char* member) {
  Binding binding = aboutResource(
      kind, [kind, member](StepContext& step, const Subject&, const Resources& resources) -> Prepared {
        if (kind.member == &Resources::folder && resources.tacticalGroup)
          return Skip{"Whoever is in the tactical group may read it."};
        Json people = newcomers(step);
        if (people.empty()) return Skip{"Nobody new takes part."};
        return Json{{member, (resources.*kind.member).reference()}, {"participants", std::move(people)}};
      });
  binding.apply = [kind](StepContext& step, const Json& output) { noteRejected(step, output, kind.title); };
  return binding;
}

/// Somebody who left: unless they came back meanwhile.
Binding removesPerson(const ResourceKind& kind, const char* member) {
  return aboutResource(
      kind, [kind, member](StepContext& step, const Subject&, const Resources& resources) -> Prepared {
        if (whom(step)) return Skip{"They take part again."};
        const std::string email = textOr(step.flowInput, "email");
        return Json{
            {member, (resources.*kind.member).reference()},
            {"participant", {{"email", email}, {"name", nameOf(step.session, step.projectId, email)}}}};
      });
}

// --- Storage and documents ---------------------------------------------------------------------------------

store::Row projectOf(StepContext& step) {
  return *step.session.one(
      "SELECT storage_folder_one, storage_folder_two, storage_use_title FROM project WHERE id = ?",
      {step.projectId});
}

Binding storageFolder(const std::string& uiUrl) {
  return makesResource(resource::kFolder, [uiUrl](StepContext& step, const Subject& subject) -> Prepared {
    const bool byTitle = projectOf(step).boolean("storage_use_title") && !subject.restricted();
    const Resources resources = readResources(step.session, subject.id);
    Json readers = resources.tacticalGroup ? Json::array({{{"email", resources.tacticalGroup.email},
                                                           {"name", resources.tacticalGroup.name}}})
                                           : activeMailboxes(step);
    return Json{{"incident", incidentForPlugins(subject, uiUrl)},
                {"kind", "folder"},
                {"name", byTitle ? subject.title : subject.name},
                {"participants", std::move(readers)}};
  });
}

/// A folder in the incident's; nothing refers to it, so its step's output is all that is kept.
Binding subfolder(const std::string& uiUrl, const char* setting, const char* usual) {
  return aboutResource(resource::kFolder,
                       [uiUrl, setting, usual](StepContext& step, const Subject& subject,
                                               const Resources& resources) -> Prepared {
                         const std::string name = trimmed(projectOf(step).text(setting));
                         return Json{{"incident", incidentForPlugins(subject, uiUrl)},
                                     {"kind", "folder"},
                                     {"name", name.empty() ? usual : name},
                                     {"parent", resources.folder.reference()}};
                       });
}

Binding makesDocument(const std::string& uiUrl, const ResourceKind& kind, const char* suffix,
                      const char* templateColumn) {
  return makesResource(kind, [=](StepContext& step, const Subject& subject) -> Prepared {
    const Resources resources = readResources(step.session, subject.id);
    if (!resources.folder) return Skip{"The incident has no storage folder."};
    if (kind.member == &Resources::reviewDocument) {
      if (subject.status == "Active") return Skip{"The incident is Active: it is reviewed once it is over."};
      if (step.session.one("SELECT exclude_from_review FROM incident_type WHERE id = ?", {subject.type.id})
              ->boolean("exclude_from_review"))
        return Skip{"Incidents of type " + subject.type.name + " are not reviewed."};
    }
    Json input{{"incident", incidentForPlugins(subject, uiUrl)},
               {"kind", "document"},
               {"name", subject.name + suffix},
               {"parent", resources.folder.reference()}};
    const auto chosen =
        step.session.one(std::string("SELECT d.resource_id, d.name, d.weblink FROM incident_type t JOIN "
                                     "document d ON d.id = t.") +
                             templateColumn + " WHERE t.id = ?",
                         {subject.type.id});
    if (chosen && !chosen->text("resource_id").empty())
      input["template"] = {{"resource_id", chosen->text("resource_id")},
                           {"name", chosen->text("name")},
                           {"weblink", chosen->text("weblink")}};
    return input;
  });
}

/// The original's names; what is not known is "N/A", as there.
Json placeholdersOf(StepContext& step, const Subject& subject, const Resources& resources) {
  const auto known = [](const std::string& text) { return text.empty() ? std::string("N/A") : text; };
  Json all{{"commander_fullname", known(subject.commanderName)},
           {"conference_challenge", known(resources.conference.challenge)},
           {"conference_weblink", known(resources.conference.weblink)},
           {"conversation_weblink", known(resources.conversation.weblink)},
           {"description", known(subject.restricted() ? subject.type.name : subject.description)},
           {"document_weblink", known(resources.document.weblink)},
           {"name", known(subject.name)},
           {"priority", known(subject.priority.name)},
           {"reported_at", known(subject.reportedAt)},
           {"resolution", known(subject.resolution)},
           {"severity", known(subject.severity.name)},
           {"stable_at", known(subject.stableAt.value_or(""))},
           {"status", known(subject.status)},
           {"storage_weblink", known(resources.folder.weblink)},
           {"ticket_weblink", known(resources.ticket.weblink)},
           {"title", known(subject.restricted() ? subject.type.name : subject.title)},
           {"type", known(subject.type.name)}};
  std::map<std::string, std::string> tags;
  for (const store::Row& type :
       step.session.query("SELECT name FROM tag_type WHERE project_id = ? ORDER BY name", {step.projectId}))
    tags["tag_" + type.text("name")] = "";
  for (const store::Row& tag : step.session.query(
           "SELECT t.name, y.name AS type FROM incident_tag it JOIN tag t ON t.id = it.tag_id JOIN tag_type "
           "y ON y.id = t.tag_type_id WHERE it.incident_id = ? ORDER BY t.name",
           {subject.id})) {
    std::string& list = tags["tag_" + tag.text("type")];
    list += (list.empty() ? "" : ", ") + tag.text("name");
  }
  for (const auto& [name, list] : tags) all[name] = known(list);
  return all;
}

Binding fillsDocument(const ResourceKind& kind) {
  Binding binding = aboutResource(
      kind, [kind](StepContext& step, const Subject& subject, const Resources& resources) -> Prepared {
        return Json{{"document", (resources.*kind.member).reference()},
                    {"placeholders", placeholdersOf(step, subject, resources)}};
      });
  // Documents are made by a storage plugin and written by a document plugin.
  binding.instance = nullptr;
  return binding;
}

/// After closing an open incident: what the plugin's settings make of it.
Binding closesDocument(const ResourceKind& kind) {
  return aboutResource(kind,
                       [kind](StepContext&, const Subject& subject, const Resources& resources) -> Prepared {
                         if (!subject.closed()) return Skip{"The incident is " + subject.status + "."};
                         if (subject.restricted())
                           return Skip{"The incident is restricted: its documents stay as they are."};
                         return Json{{"resource", (resources.*kind.member).reference()}};
                       });
}

// --- Conference --------------------------------------------------------------------------------------------

Binding conference(const std::string& uiUrl) {
  return makesResource(resource::kConference, [uiUrl](StepContext& step, const Subject& subject) -> Prepared {
    const Resources resources = readResources(step.session, subject.id);
    return Json{
        {"incident", incidentForPlugins(subject, uiUrl)},
        {"participants", resources.tacticalGroup ? Json::array({{{"email", resources.tacticalGroup.email},
                                                                 {"name", resources.tacticalGroup.name}}})
                                                 : activeMailboxes(step)}};
  });
}

// --- On-call -----------------------------------------------------------------------------------------------

std::optional<Json> serviceOf(store::Session& session, std::int64_t projectId, std::int64_t serviceId) {
  const auto row =
      session.one("SELECT name, external_id, description FROM service WHERE id = ? AND project_id = ?",
                  {serviceId, projectId});
  if (!row || row->text("external_id").empty()) return std::nullopt;
  Json service{{"external_id", row->text("external_id")}, {"name", row->text("name")}};
  if (!row->text("description").empty()) service["description"] = row->text("description");
  return service;
}

/// Asks for everybody whom a policy names by a service; who answers gets the role.
Binding rolesOnCall() {
  Binding binding;
  binding.run = [](StepContext& step) -> Prepared {
    if (!readSubject(step.session, step.subjectId)) return kGone;
    Json asked = Json::array();
    for (const Json& policy : step.flowInput.value("oncall", Json::array())) {
      const std::int64_t serviceId = policy.value("service_id", std::int64_t{0});
      const auto service = serviceOf(step.session, step.projectId, serviceId);
      if (!service) {
        addToTimeline(step.session, step.organizationId, step.subjectId,
                      {.description = "Nobody could be asked who is on call as " + textOr(policy, "role") +
                                      ": the service has no external id. Enter it under Settings > Services",
                       .type = event_type::kParticipantUpdated});
        continue;
      }
      asked.push_back({{"role", policy.at("role")}, {"service", *service}, {"service_id", serviceId}});
      if (policy.value("engage_next", false))
        asked.push_back(
            {{"role", role::kObserver}, {"service", *service}, {"service_id", serviceId}, {"next", true}});
    }
    if (asked.empty()) return Skip{"No role of this incident is filled by who is on call."};
    return Json{{"asked", std::move(asked)}};
  };
  binding.expand = [](StepContext&, const Json& output) {
    std::vector<Child> children;
    for (const Json& question : output.at("asked"))
      children.push_back({.key = std::to_string(children.size() + 1),
                          .title = "Ask who is on call" +
                                   std::string(question.contains("next") ? " next" : "") + " for " +
                                   textOr(question.at("service"), "name"),
                          .pluginType = "oncall",
                          .method = question.contains("next") ? "get_next" : "get",
                          .input = question});
    return children;
  };
  return binding;
}

Binding roleOnCall() {
  Binding binding;
  binding.apply = [](StepContext& step, const Json& output) {
    const auto subject = readSubject(step.session, step.subjectId, true);
    if (!subject || subject->closed()) return;
    const std::string toRole = textOr(step.input, "role"), email = textOr(output, "email");
    const std::string service = "on call for " + textOr(step.input.at("service"), "name");
    if (toRole == role::kObserver)
      addPerson(step.session, *subject, email, toRole, kHostSource, service, textOr(output, "name"),
                step.input.at("service_id").get<std::int64_t>(), answeredBy(step));
    else
      giveRole(step.session, *subject, email, toRole, answeredBy(step));
    publishIncident(step.session, subject->organizationId, subject->id, "updated");
  };
  return binding;
}

Binding page(const std::string& uiUrl) {
  Binding binding = aboutIncident([uiUrl](StepContext& step, const Subject& subject) -> Prepared {
    if (!step.session.one("SELECT page_commander FROM incident_priority WHERE id = ?", {subject.priority.id})
             ->boolean("page_commander"))
      return Skip{"Priority " + subject.priority.name + " pages nobody."};
    for (const Json& policy : step.flowInput.value("oncall", Json::array())) {
      if (textOr(policy, "role") != role::kCommander) continue;
      const auto service =
          serviceOf(step.session, step.projectId, policy.value("service_id", std::int64_t{0}));
      if (service)
        return Json{{"service", *service},
                    {"incident", incidentForPlugins(subject, uiUrl)},
                    {"recipient", {{"email", subject.commanderEmail}, {"name", subject.commanderName}}}};
    }
    return Skip{"The commander is not on call for a service: there is no service to page."};
  });
  binding.apply = [](StepContext& step, const Json& output) {
    if (!step.session.one("SELECT id FROM incident WHERE id = ?", {step.subjectId})) return;
    addToTimeline(step.session, step.organizationId, step.subjectId,
                  {.description = "Paged who is on call for " + textOr(step.input.at("service"), "name"),
                   .source = answeredBy(step),
                   .details = output});
  };
  return binding;
}

}  // namespace

std::map<std::string, flow::Binding> resourceBindings(const Context& context) {
  const std::string& uiUrl = context.uiUrl;
  std::map<std::string, flow::Binding> all;
  all["group.tactical"] = tacticalGroup(uiUrl);
  all["group.notifications"] = notificationsGroup(uiUrl);
  all["group.add"] = addsPeople(resource::kTactical, "group");
  all["group.remove"] = removesPerson(resource::kTactical, "group");
  all["storage.folder"] = storageFolder(uiUrl);
  all["storage.logs"] = subfolder(uiUrl, "storage_folder_one", "Logs");
  all["storage.screengrabs"] = subfolder(uiUrl, "storage_folder_two", "Screengrabs");
  all["storage.grant"] = addsPeople(resource::kFolder, "resource");
  all["storage.revoke"] = removesPerson(resource::kFolder, "resource");
  all["document.create"] =
      makesDocument(uiUrl, resource::kDocument, " - Incident Document", "incident_template_document_id");
  all["document.update"] = fillsDocument(resource::kDocument);
  all["document.open"] = closesDocument(resource::kDocument);
  all["document.readonly"] = closesDocument(resource::kDocument);
  all["review.create"] = makesDocument(uiUrl, resource::kReview, " - Post-Incident Review Document",
                                       "review_template_document_id");
  all["review.update"] = fillsDocument(resource::kReview);
  all["review.open"] = closesDocument(resource::kReview);
  all["review.readonly"] = closesDocument(resource::kReview);
  all["conference.create"] = conference(uiUrl);
  all["oncall.roles"] = rolesOnCall();
  all["oncall.roles/*"] = roleOnCall();
  all["oncall.page"] = page(uiUrl);
  const auto deletesGroup = [](const Json&, const Resource& group) -> Prepared {
    return Json{{"group", group.reference()}};
  };
  all["group.delete"] = aboutRemembered("tactical_group", "tactical group", deletesGroup);
  all["notifications.delete"] = aboutRemembered("notifications_group", "notifications group", deletesGroup);
  all["storage.delete"] =
      aboutRemembered("folder", "storage folder", [](const Json&, const Resource& folder) -> Prepared {
        return Json{{"resource", folder.reference()}};
      });
  return all;
}

}  // namespace dispatch::incident
