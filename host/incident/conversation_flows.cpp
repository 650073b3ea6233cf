// Steps about the incident's conversation: who is in it, what stands at its top, what is said in it.
#include "base/base.hpp"
#include "incident/bindings.hpp"
#include "incident/flows.hpp"
#include "incident/mail.hpp"
#include "incident/notifications.hpp"
#include "incident/timeline.hpp"

#include <algorithm>

namespace dispatch::incident {
namespace {

using flow::Binding;
using flow::Child;
using flow::Skip;
using flow::StepContext;

const ResourceKind& kConversation = resource::kConversation;

const Skip kClosed{"The incident is closed."};
const Skip kNobodyNew{"Nobody new takes part."};

Json reference(const Resources& resources) { return resources.conversation.reference(); }

Json fact(const char* title, const std::string& value) { return {{"title", title}, {"value", value}}; }

/// Where the incident stands, as every message tells it.
Json factsOf(const Subject& subject) {
  return Json::array(
      {fact("Title", subject.restricted() ? subject.type.name : subject.title),
       fact("Status", subject.status), fact("Type", subject.type.name),
       fact("Severity", subject.severity.name), fact("Priority", subject.priority.name),
       fact("Commander", subject.commanderName.empty() ? "nobody yet" : subject.commanderName)});
}

Json linksFor(const Subject& subject, const Resources& resources, const std::string& uiUrl) {
  Json links = Json::array({{{"title", "Incident"}, {"weblink", weblinkOf(subject, uiUrl)}}});
  for (const auto& [title, weblink] : linksOf(resources))
    if (title != "Conversation") links.push_back({{"title", title}, {"weblink", weblink}});
  return links;
}

Binding create(const std::string& uiUrl) {
  return makesResource(kConversation, [uiUrl](StepContext&, const Subject& subject) -> Prepared {
    return Json{{"incident", incidentForPlugins(subject, uiUrl)},
                {"name", subject.name},
                {"restricted", subject.restricted()}};
  });
}

/// At the start everybody, later those who came in by this flow.
std::vector<Person> newcomers(StepContext& step, bool everybody) {
  std::vector<Person> all;
  if (everybody) {
    for (Person& person : people(step.session, step.subjectId))
      if (person.active()) all.push_back(std::move(person));
    return all;
  }
  if (!step.flowInput.contains("email")) return joinedInFlow(step);
  if (auto person = findPerson(step.session, step.subjectId, textOr(step.flowInput, "email"));
      person && person->active())
    all.push_back(std::move(*person));
  return all;
}

Binding add(bool everybody) {
  Binding binding = aboutResource(
      kConversation,
      [everybody](StepContext& step, const Subject& subject, const Resources& resources) -> Prepared {
        if (subject.closed()) return kClosed;
        Json whom = mailboxesOf(newcomers(step, everybody));
        if (whom.empty()) return kNobodyNew;
        return Json{{"conversation", reference(resources)}, {"participants", std::move(whom)}};
      });
  binding.apply = [](StepContext& step, const Json& output) {
    if (!step.session.one("SELECT id FROM incident WHERE id = ?", {step.subjectId})) return;
    for (const Json& refusal : output.value("rejected", Json::array()))
      addToTimeline(
          step.session, step.organizationId, step.subjectId,
          {.description = textOr(refusal, "email") +
                          " could not be added to the conversation. Reason: " + textOr(refusal, "reason"),
           .source = answeredBy(step)});
  };
  return binding;
}

Binding removePerson() {
  return aboutResource(
      kConversation, [](StepContext& step, const Subject&, const Resources& resources) -> Prepared {
        const std::string email = textOr(step.flowInput, "email");
        const auto person = findPerson(step.session, step.subjectId, email);
        if (person && person->active()) return Skip{"They take part again."};
        return Json{
            {"conversation", reference(resources)},
            {"participant", {{"email", email}, {"name", nameOf(step.session, step.projectId, email)}}}};
      });
}

Binding topic() {
  return aboutResource(
      kConversation, [](StepContext&, const Subject& subject, const Resources& resources) -> Prepared {
        if (subject.closed()) return kClosed;
        std::string text;
        if (!subject.commanderName.empty()) text = subject.commanderName + " | ";
        text += "Status: " + subject.status + " | Type: " + subject.type.name +
                " | Severity: " + subject.severity.name + " | Priority: " + subject.priority.name;
        return Json{{"conversation", reference(resources)}, {"topic", text}};
      });
}

constexpr const char* kOnCallEmail = "{oncall_email}";

store::Row describedBy(StepContext& step, const Subject& subject) {
  return *step.session.one(
      "SELECT t.channel_description, s.external_id, s.name FROM incident_type t LEFT JOIN service s ON s.id "
      "= t.description_service_id WHERE t.id = ?",
      {subject.type.id});
}

/// Who stands for {oncall_email} in the type's description of conversations.
Binding describedOnCall() {
  return aboutIncident([](StepContext& step, const Subject& subject) -> Prepared {
    const store::Row type = describedBy(step, subject);
    if (type.text("channel_description").find(kOnCallEmail) == std::string::npos)
      return Skip{"The description of type " + subject.type.name + " names nobody who is on call."};
    if (type.text("external_id").empty())
      return Skip{"Type " + subject.type.name + " names no service to ask who is on call."};
    return Json{{"service", {{"external_id", type.text("external_id")}, {"name", type.text("name")}}}};
  });
}

Binding description() {
  return aboutResource(
      kConversation, [](StepContext& step, const Subject& subject, const Resources& resources) -> Prepared {
        std::string text = describedBy(step, subject).text("channel_description");
        if (text.empty()) return Skip{"Type " + subject.type.name + " has no description for conversations."};
        const Json onCall = step.output("conversation.oncall");
        const std::string email = onCall.is_object() ? textOr(onCall, "email") : "";
        for (auto at = text.find(kOnCallEmail); at != std::string::npos;
             at = text.find(kOnCallEmail, at + email.size()))
          text.replace(at, std::string_view(kOnCallEmail).size(), email);
        return Json{{"conversation", reference(resources)}, {"description", text}};
      });
}

Json makerOf(const Resources& resources) {
  const auto& maker = resources.conversation.pluginInstanceId;
  return maker ? Json(*maker) : Json();
}

/// One call of `method` per item of the output's `calls`, [{title, input}], to the conversation's plugin.
std::vector<Child> calls(const Json& output, const char* method) {
  std::vector<Child> children;
  for (const Json& call : output.at("calls")) {
    Child child{.key = std::to_string(children.size() + 1),
                .title = textOr(call, "title"),
                .pluginType = "conversation",
                .method = method,
                .input = call.at("input")};
    const Json maker = output.value("plugin_instance_id", Json());
    if (maker.is_number_integer()) child.pluginInstanceId = maker.get<std::int64_t>();
    children.push_back(std::move(child));
  }
  return children;
}

/// One call per link: plugins offer no more than that, and each may fail alone.
/// `after`: only where this step of the same flow made what is to be linked; "" = whatever is there.
Binding bookmarks(std::vector<std::string> titles, std::string after = "") {
  Binding binding;
  binding.run = [titles = std::move(titles), after = std::move(after)](StepContext& step) -> Prepared {
    if (!after.empty() && !step.output(after).is_object()) return Skip{"There is nothing new to link to."};
    const Resources resources = readResources(step.session, step.subjectId);
    if (!resources.conversation) return Skip{"The incident has no conversation."};
    Json list = Json::array();
    for (const auto& [title, weblink] : linksOf(resources))
      if (std::find(titles.begin(), titles.end(), title) != titles.end())
        list.push_back(
            {{"title", "Link: " + title},
             {"input", {{"conversation", reference(resources)}, {"title", title}, {"weblink", weblink}}}});
    if (list.empty()) return Skip{"There is nothing to link to."};
    return Json{{"calls", std::move(list)}, {"plugin_instance_id", makerOf(resources)}};
  };
  binding.expand = [](StepContext&, const Json& output) { return calls(output, "add_bookmark"); };
  return binding;
}

std::string rolesOf(const Person& person) {
  std::string all;
  for (const std::string& role : person.roles) all += (all.empty() ? "" : ", ") + role;
  return all;
}

Json welcomeMessage(const Subject& subject, const Resources& resources, const Person& person,
                    const std::string& uiUrl) {
  return {{"kind", "incident-welcome"},
          {"title", "Welcome to " + subject.name},
          {"text", "You take part in this incident as " + rolesOf(person) + "."},
          {"facts", factsOf(subject)},
          {"links", linksFor(subject, resources, uiUrl)}};
}

/// One message per person that they alone see.
Binding welcome(const std::string& uiUrl, bool everybody) {
  Binding binding;
  binding.run = [uiUrl, everybody](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    if (subject->closed()) return kClosed;
    const Resources resources = readResources(step.session, subject->id);
    if (!resources.conversation) return Skip{"The incident has no conversation."};
    Json list = Json::array();
    for (const Person& person : newcomers(step, everybody))
      list.push_back({{"title", "Welcome " + person.name},
                      {"input",
                       {{"conversation", reference(resources)},
                        {"recipient", {{"email", person.email}, {"name", person.name}}},
                        {"message", welcomeMessage(*subject, resources, person, uiUrl)}}}});
    if (list.empty()) return kNobodyNew;
    return Json{{"calls", std::move(list)}, {"plugin_instance_id", makerOf(resources)}};
  };
  binding.expand = [](StepContext&, const Json& output) { return calls(output, "send_ephemeral"); };
  return binding;
}

/// A message to everybody in the conversation; `what` writes it, or says why there is none.
using Says = std::function<std::variant<Json, Skip>(StepContext&, const Subject&, const Resources&)>;
Binding say(Says what) {
  return aboutResource(
      kConversation,
      [what = std::move(what)](StepContext& step, const Subject& subject,
                               const Resources& resources) -> Prepared {
        auto message = what(step, subject, resources);
        if (const Skip* skip = std::get_if<Skip>(&message)) return *skip;
        return Json{{"conversation", reference(resources)}, {"message", std::get<Json>(std::move(message))}};
      });
}

Binding sayChanges(const std::string& uiUrl) {
  return say([uiUrl](StepContext& step, const Subject& subject, const Resources& resources) -> Prepared {
    const std::vector<Change> changes = changesOf(step.flowInput);
    if (changes.empty()) return Skip{"Status, type, severity and priority are as before."};
    Json facts = Json::array();
    for (const Change& one : changes) facts.push_back(fact(one.field.c_str(), one.from + " -> " + one.to));
    return Json{{"kind", "incident-changed"},
                {"title", subject.name + " has changed"},
                {"text", nameOf(step.session, step.projectId, textOr(step.flowInput, "actor")) +
                             " changed this incident."},
                {"facts", std::move(facts)},
                {"links", linksFor(subject, resources, uiUrl)}};
  });
}

Binding sayRole(const std::string& uiUrl) {
  return say([uiUrl](StepContext& step, const Subject& subject, const Resources& resources) -> Prepared {
    if (subject.closed()) return kClosed;
    const std::string role = textOr(step.flowInput, "role");
    return Json{{"kind", "role-assigned"},
                {"title", "New " + role},
                {"text", nameOf(step.session, step.projectId, textOr(step.flowInput, "email")) +
                             " has been assigned the role of " + role + " by " +
                             nameOf(step.session, step.projectId, textOr(step.flowInput, "actor")) + "."},
                {"links", linksFor(subject, resources, uiUrl)}};
  });
}

Binding sayReview() {
  return say([](StepContext& step, const Subject& subject, const Resources& resources) -> Prepared {
    if (!resources.reviewDocument) return Skip{"The incident has no review document."};
    if (!step.output("review.create").is_object()) return Skip{"The review document was there before."};
    return Json{
        {"kind", "incident-review"},
        {"title", "Review of " + subject.name},
        {"text", "The incident is over. Write down what happened and what follows from it."},
        {"links",
         Json::array({{{"title", "Review document"}, {"weblink", resources.reviewDocument.weblink}}})},
        {"pin", true}};
  });
}

Binding archive() {
  return aboutResource(kConversation,
                       [](StepContext&, const Subject& subject, const Resources& resources) -> Prepared {
                         if (!subject.closed()) return Skip{"The incident is " + subject.status + "."};
                         return Json{{"conversation", reference(resources)}};
                       });
}

Binding unarchive() {
  return aboutResource(
      kConversation, [](StepContext& step, const Subject& subject, const Resources& resources) -> Prepared {
        const auto changes = changesOf(step.flowInput);
        const bool reopened = std::any_of(changes.begin(), changes.end(), [](const Change& one) {
          return one.field == "Status" && one.from == "Closed";
        });
        if (!reopened || subject.closed()) return Skip{"The incident was not reopened."};
        return Json{{"conversation", reference(resources)}};
      });
}

/// Conversations that were there before and are told of incidents.
Binding notifications(const Context& context) {
  Binding binding;
  binding.run = [uiUrl = context.uiUrl, &models = context.models](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    Json list = Json::array();
    for (const store::Row& row : applicableNotifications(step, models, "conversation"))
      list.push_back({{"title", "Notify " + row.text("name")},
                      {"input",
                       {{"target", row.text("target")},
                        {"message",
                         {{"kind", "incident-notification"},
                          {"title", "Incident " + subject->name},
                          {"text", "An incident was reported."},
                          {"facts", factsOf(*subject)},
                          {"links", Json::array({{{"title", "Incident"},
                                                  {"weblink", weblinkOf(*subject, uiUrl)}}})}}}}}});
    if (list.empty())
      return Skip{
          .reason = "No conversation is told of this incident. Add one under Settings > Notifications.",
          .retryable = true};
    return Json{{"calls", std::move(list)}};
  };
  binding.expand = [](StepContext&, const Json& output) { return calls(output, "announce"); };
  return binding;
}

Binding notification() {
  Binding binding;
  binding.apply = [](StepContext& step, const Json&) {
    if (step.session.one("SELECT id FROM incident WHERE id = ?", {step.subjectId}))
      addToTimeline(step.session, step.organizationId, step.subjectId,
                    {.description = "Incident notification sent to " + textOr(step.input, "target"),
                     .source = answeredBy(step)});
  };
  return binding;
}

}  // namespace

std::map<std::string, flow::Binding> conversationBindings(const Context& context) {
  const std::string& uiUrl = context.uiUrl;
  std::map<std::string, flow::Binding> all;
  all["conversation.create"] = create(uiUrl);
  all["conversation.add"] = add(false);
  all["conversation.add:create"] = add(true);
  all["conversation.remove"] = removePerson();
  all["conversation.topic"] = topic();
  all["conversation.oncall"] = describedOnCall();
  all["conversation.description"] = description();
  all["conversation.bookmarks"] = bookmarks({"Ticket", "Incident document", "Conference", "Storage"});
  all["conversation.bookmarks:status"] = bookmarks({"Review document"}, "review.create");
  all["conversation.bookmarks/*"] = {};
  all["conversation.welcome/*"] = {.skipsWhatIsNotFound = true};  // who has no account there
  all["conversation.welcome"] = welcome(uiUrl, false);
  all["conversation.welcome:create"] = welcome(uiUrl, true);
  all["conversation.changes"] = sayChanges(uiUrl);
  all["conversation.role"] = sayRole(uiUrl);
  all["conversation.review"] = sayReview();
  all["conversation.archive"] = archive();
  all["conversation.unarchive"] = unarchive();
  all["conversation.notification"] = notifications(context);
  all["conversation.notification/*"] = notification();
  all["conversation.rename:delete"] =
      aboutRemembered("conversation", "conversation", [](const Json&, const Resource& there) -> Prepared {
        return Json{{"conversation", there.reference()}, {"name", there.name + "-deleted"}};
      });
  all["conversation.archive:delete"] =
      aboutRemembered("conversation", "conversation", [](const Json&, const Resource& there) -> Prepared {
        return Json{{"conversation", there.reference()}};
      });
  return all;
}

}  // namespace dispatch::incident
