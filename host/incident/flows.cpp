#include "incident/flows.hpp"

#include "base/base.hpp"
#include "incident/bindings.hpp"
#include "incident/timeline.hpp"

#include <algorithm>

namespace dispatch::incident {
namespace {

using flow::Binding;
using flow::Child;
using flow::Skip;
using flow::StepContext;

std::string titleOf(StepContext& step) {
  const auto row = step.session.one("SELECT title FROM flow_step WHERE id = ?", {step.stepId});
  return row ? row->text("title") : step.key;
}

void fillIn(StepContext& step, const Json& output) {
  if (const auto subject = readSubject(step.session, step.subjectId, true))
    fillPerson(step.session, *subject, textOr(step.input, "email"), output);
}

/// contact.get for whoever `whom` names; "" = nobody needs to be looked up, for `reason`.
Binding contact(std::string (*whom)(const Subject&, const Json& flowInput), const char* reason) {
  Binding binding;
  binding.prepare = [whom, reason](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    const std::string email = whom(*subject, step.flowInput);
    if (email.empty()) return Skip{reason};
    return Json{{"email", email}};
  };
  binding.apply = fillIn;
  return binding;
}

/// contact.get for each who takes part and was not looked up yet. `everybody`: who takes part; else who
/// joined in this flow.
Binding contactPeople(bool everybody) {
  Binding binding;
  binding.run = [everybody](StepContext& step) -> Prepared {
    if (!readSubject(step.session, step.subjectId)) return kGone;
    Json calls = Json::array();
    for (const Person& person : everybody ? people(step.session, step.subjectId) : joinedInFlow(step))
      if (person.active() && !isFilled(step.session, person))
        calls.push_back({{"title", "Look up " + person.name}, {"input", {{"email", person.email}}}});
    if (calls.empty()) return Skip{"Everybody is looked up already."};
    return Json{{"calls", std::move(calls)}};
  };
  binding.expand = [](StepContext&, const Json& output) {
    std::vector<Child> children;
    for (const Json& call : output.at("calls"))
      children.push_back({.key = std::to_string(children.size() + 1),
                          .title = textOr(call, "title"),
                          .pluginType = "contact",
                          .method = "get",
                          .input = call.at("input")});
    return children;
  };
  return binding;
}

Json ticketOf(const Subject& subject) {
  return {{"resource_id", subject.ticketId}, {"weblink", subject.ticketWeblink}};
}

/// Calls about an existing ticket go to the plugin that made it.
std::optional<std::int64_t> ticketMaker(StepContext& step) {
  const auto row =
      step.session.one("SELECT plugin_instance_id FROM ticket WHERE incident_id = ?", {step.subjectId});
  return row ? row->optionalInteger("plugin_instance_id") : std::nullopt;
}

Binding ticketCreate(const std::string& uiUrl) {
  Binding binding;
  binding.prepare = [uiUrl](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    if (!subject->ticketId.empty())
      return Skip{"The incident has its ticket already: " + subject->ticketId + "."};
    return Json{{"incident", incidentForPlugins(*subject, uiUrl)},
                {"reporter_email", subject->reporterEmail},
                {"commander_email", subject->commanderEmail},
                {"metadata", metadataFor(*subject, slugOf(step))}};
  };
  binding.apply = [](StepContext& step, const Json& output) {
    const auto subject = readSubject(step.session, step.subjectId, true);
    if (!subject) return;
    const std::string at = nowText();
    step.session.execute("DELETE FROM ticket WHERE incident_id = ?", {subject->id});
    step.session.insert("ticket", {{"organization_id", subject->organizationId},
                                   {"incident_id", subject->id},
                                   {"resource_type", textOr(output, "resource_type")},
                                   {"resource_id", textOr(output, "resource_id")},
                                   {"weblink", textOr(output, "weblink")},
                                   {"plugin_instance_id", step.pluginInstanceId && *step.pluginInstanceId
                                                              ? store::Value(*step.pluginInstanceId)
                                                              : store::Value()},
                                   {"created_at", at},
                                   {"updated_at", at}});
    addToTimeline(step.session, subject->organizationId, subject->id,
                  {.description = "Ticket " + textOr(output, "resource_id") + " created",
                   .source = answeredBy(step),
                   .details = output});
    publishIncident(step.session, subject->organizationId, subject->id, "updated");
  };
  return binding;
}

Binding ticketUpdate(const std::string& uiUrl) {
  Binding binding;
  binding.instance = ticketMaker;
  binding.prepare = [uiUrl](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    if (subject->ticketId.empty()) return Skip{"The incident has no ticket to update."};
    const Resources resources = readResources(step.session, subject->id);
    Json links{{"dispatch", weblinkOf(*subject, uiUrl)}};
    for (const auto& [name, there] :
         {std::pair<const char*, const Resource*>{"conference", &resources.conference},
          {"conversation", &resources.conversation},
          {"document", &resources.document},
          {"storage", &resources.folder}})
      if (!there->weblink.empty()) links[name] = there->weblink;
    return Json{{"ticket", ticketOf(*subject)},
                {"incident", incidentForPlugins(*subject, uiUrl)},
                {"reporter_email", subject->reporterEmail},
                {"commander_email", subject->commanderEmail},
                {"metadata", metadataFor(*subject, slugOf(step))},
                {"links", std::move(links)}};
  };
  return binding;
}

Binding ticketMetadata() {
  Binding binding;
  binding.instance = ticketMaker;
  binding.prepare = [](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    const Json fields = step.flowInput.value("fields", Json::array());
    if (std::find(fields.begin(), fields.end(), Json("incident_type")) == fields.end())
      return Skip{"The incident's type is as before."};
    if (subject->ticketId.empty()) return Skip{"The incident has no ticket to update."};
    return Json{{"ticket", ticketOf(*subject)}, {"metadata", metadataFor(*subject, slugOf(step))}};
  };
  return binding;
}

Binding ticketDelete() {
  Binding binding;
  binding.instance = [](StepContext& step) -> std::optional<std::int64_t> {
    const auto maker = step.flowInput.find("plugin_instance_id");
    return maker != step.flowInput.end() && maker->is_number_integer()
               ? std::optional(maker->get<std::int64_t>())
               : std::nullopt;
  };
  binding.prepare = [](StepContext& step) -> Prepared {
    const Json ticket = step.flowInput.value("ticket", Json::object());
    if (textOr(ticket, "resource_id").empty()) return Skip{"The incident had no ticket."};
    return Json{{"ticket", ticket}};
  };
  return binding;
}

Binding participantsResolve(const std::string& uiUrl, bool atStart) {
  Binding binding;
  binding.prepare = [uiUrl, atStart](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    if (subject->restricted())
      return Skip{"The incident is restricted: only people who are added by name take part."};
    if (!atStart && subject->status != "Active")
      return Skip{"The incident is " + subject->status + ": nobody new is called."};
    return Json{{"incident", incidentForPlugins(*subject, uiUrl)}};
  };
  binding.apply = [atStart](StepContext& step, const Json& output) {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject || !atStart) return;
    const std::size_t count = output.at("individuals").size();
    addToTimeline(
        step.session, subject->organizationId, subject->id,
        {.description = count == 0 ? "Incident participants resolved: nobody beyond those named in the report"
                                   : "Incident participants resolved: " + std::to_string(count),
         .source = answeredBy(step),
         .details = {{"individuals", count}, {"teams", output.at("teams").size()}}});
  };
  binding.expand = [](StepContext& step, const Json& output) {
    std::vector<Child> children;
    for (const Json& one : output.at("individuals")) {
      const std::string email = textOr(one, "email");
      // Whoever takes part does so already, and whoever left has been asked to or wanted to.
      if (findPerson(step.session, step.subjectId, email)) continue;
      children.push_back({.key = std::to_string(children.size() + 1),
                          .title = "Add " + textOr(one, "name", email),
                          .pluginType = "",
                          .method = "",
                          .input = one});
    }
    return children;
  };
  return binding;
}

Binding participantAdd() {
  Binding binding;
  binding.run = [](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId, true);
    if (!subject) return kGone;
    const std::string email = textOr(step.input, "email");
    const auto service = step.input.find("service_id");
    std::optional<std::int64_t> serviceId;
    if (service != step.input.end() && service->is_number_integer()) serviceId = service->get<std::int64_t>();
    const Joined joined = addPerson(step.session, *subject, email, role::kObserver, kHostSource,
                                    "matches this incident", textOr(step.input, "name"), serviceId);
    return Json{{"email", email}, {"added", joined == Joined::anew}};
  };
  return binding;
}

Binding commanderAnnounce() {
  Binding binding;
  binding.run = [](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    if (subject->commanderEmail.empty()) return Skip{"The incident has no commander."};
    addToTimeline(
        step.session, subject->organizationId, subject->id,
        {.description = subject->commanderName + " has been assigned the role of " + role::kCommander,
         .type = event_type::kParticipantUpdated,
         .details = {{"email", subject->commanderEmail}}});
    return Json{{"email", subject->commanderEmail}};
  };
  return binding;
}

}  // namespace

flow::Binding onTimeline(flow::Binding binding) {
  binding.failed = [own = std::move(binding.failed)](StepContext& step, const std::string& state,
                                                     const std::string& reason) {
    if (own) own(step, state, reason);
    if (!step.session.one("SELECT id FROM incident WHERE id = ?", {step.subjectId})) return;
    addToTimeline(step.session, step.organizationId, step.subjectId,
                  {.description = "\"" + titleOf(step) + "\" " +
                                  (state == "failed" ? "failed" : "is uncertain") + ". Reason: " + reason,
                   .source = answeredBy(step)});
  };
  binding.decided = [](StepContext& step, const std::string& action, const std::string& actor) {
    if (!step.session.one("SELECT id FROM incident WHERE id = ?", {step.subjectId})) return;
    const std::string who = nameOf(step.session, step.projectId, actor);
    addToTimeline(step.session, step.organizationId, step.subjectId,
                  {.description = who + " " + action + " the step \"" + titleOf(step) + "\"", .owner = who});
  };
  return binding;
}

std::map<std::string, flow::Binding> incidentBindings(const Context& context) {
  std::map<std::string, flow::Binding> all;
  all["contact.reporter"] = contact([](const Subject& subject, const Json&) { return subject.reporterEmail; },
                                    "The incident has no reporter.");
  all["contact.commander"] = contact(
      [](const Subject& subject, const Json&) {
        return subject.commanderEmail == subject.reporterEmail ? std::string() : subject.commanderEmail;
      },
      "The reporter is the commander.");
  all["contact.person"] =
      contact([](const Subject&, const Json& input) { return textOr(input, "email"); }, "Nobody is named.");
  all["contact.people"] = contactPeople(false);
  all["contact.people:create"] = contactPeople(true);
  all["contact.people/*"] = {.apply = fillIn};
  all["ticket.create"] = ticketCreate(context.uiUrl);
  all["ticket.update"] = ticketUpdate(context.uiUrl);
  all["ticket.metadata"] = ticketMetadata();
  all["ticket.delete"] = ticketDelete();
  all["participants.resolve"] = participantsResolve(context.uiUrl, false);
  all["participants.resolve:create"] = participantsResolve(context.uiUrl, true);
  all["participants.resolve/*"] = participantAdd();
  all["commander.announce"] = commanderAnnounce();
  return all;
}

std::int64_t startFlow(const Context& context, store::Session& session, const Subject& subject,
                       const std::string& kind, Json input) {
  return context.engine.start(session, {.kind = kind,
                                        .subjectType = "incident",
                                        .subjectId = subject.id,
                                        .organizationId = subject.organizationId,
                                        .projectId = subject.projectId,
                                        .input = std::move(input)});
}

void Incidents::defineFlows() {
  std::map<std::string, flow::Binding> all;
  for (auto&& part : {incidentBindings(_context), resourceBindings(_context), conversationBindings(_context),
                      mailBindings(_context), workflowBindings(_context)})
    for (const auto& [key, binding] : part) all[key] = onTimeline(binding);
  for (const std::string& text : flowTexts()) {
    flow::Definition definition = flow::Definition::parse(parseJson(text, "a built-in flow definition"));
    std::map<std::string, flow::Binding> bindings;
    for (const flow::StepDefinition& step : definition.steps) {
      // A key may mean something of its own in one kind: "mail.welcome:participant".
      for (const char* suffix : {"", "/*"}) {
        auto found =
            all.find(step.key + ":" + definition.kind.substr(definition.kind.find('.') + 1) + suffix);
        if (found == all.end()) found = all.find(step.key + suffix);
        if (found != all.end()) bindings[step.key + suffix] = found->second;
      }
    }
    _context.engine.define(std::move(definition), std::move(bindings));
  }
}

}  // namespace dispatch::incident
