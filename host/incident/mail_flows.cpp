#include "base/base.hpp"
#include "incident/bindings.hpp"
#include "incident/body.hpp"
#include "incident/flows.hpp"
#include "incident/mail.hpp"
#include "incident/notifications.hpp"
#include "incident/people.hpp"
#include "incident/timeline.hpp"

namespace dispatch::incident {
namespace {

using flow::Binding;
using flow::Child;
using flow::Skip;
using flow::StepContext;

std::string joined(const std::vector<std::string>& roles) {
  std::string all;
  for (const std::string& one : roles) all += (all.empty() ? "" : ", ") + one;
  return all;
}

/// Hosts steps that write one mail per recipient: run() finds the recipients, expand() makes the mails.
std::vector<Child> mails(const Json& output) {
  std::vector<Child> children;
  for (const Json& one : output.at("mails"))
    children.push_back({.key = std::to_string(children.size() + 1),
                        .title = textOr(one, "title"),
                        .pluginType = "email",
                        .method = "send",
                        .input = one.at("input")});
  return children;
}

Json welcome(const Subject& subject, const std::vector<Person>& whom, const std::string& uiUrl) {
  Json list = Json::array();
  for (const Person& person : whom)
    list.push_back({{"title", "Mail to " + person.name},
                    {"input", mailInput(welcomeMail(subject, weblinkOf(subject, uiUrl), joined(person.roles)),
                                        person.email, person.name, subject.commanderEmail, uiUrl)}});
  return {{"mails", std::move(list)}};
}

/// At the start: everybody who takes part. Later: those whom this flow's own search added.
Binding welcomeAll(const std::string& uiUrl, bool atStart) {
  Binding binding;
  binding.run = [uiUrl, atStart](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    std::vector<Person> whom;
    if (atStart) {
      for (Person& person : people(step.session, subject->id))
        if (person.active()) whom.push_back(std::move(person));
    } else {
      whom = joinedInFlow(step);
    }
    if (whom.empty()) return Skip{atStart ? "Nobody takes part." : "Nobody new takes part."};
    return welcome(*subject, whom, uiUrl);
  };
  binding.expand = [](StepContext&, const Json& output) { return mails(output); };
  return binding;
}

Binding welcomeOne(const std::string& uiUrl) {
  Binding binding;
  binding.prepare = [uiUrl](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    if (subject->closed()) return Skip{"The incident is closed."};
    const auto person = findPerson(step.session, subject->id, textOr(step.flowInput, "email"));
    if (!person || !person->active()) return Skip{"They do not take part any more."};
    return mailInput(welcomeMail(*subject, weblinkOf(*subject, uiUrl), joined(person->roles)), person->email,
                     person->name, subject->commanderEmail, uiUrl);
  };
  return binding;
}

Binding roleOne(const std::string& uiUrl) {
  Binding binding;
  binding.prepare = [uiUrl](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    if (subject->closed()) return Skip{"The incident is closed."};
    const std::string email = textOr(step.flowInput, "email");
    if (email == textOr(step.flowInput, "actor")) return Skip{"They gave the role to themselves."};
    const std::string who = nameOf(step.session, step.projectId, textOr(step.flowInput, "actor"));
    return mailInput(roleMail(*subject, weblinkOf(*subject, uiUrl), textOr(step.flowInput, "role"), who),
                     email, nameOf(step.session, step.projectId, email), subject->commanderEmail, uiUrl);
  };
  return binding;
}

Binding notifications(const Context& context, bool atStart) {
  Binding binding;
  binding.run = [uiUrl = context.uiUrl, &models = context.models, atStart](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    const std::vector<Change> changes = changesOf(step.flowInput);
    if (!atStart && changes.empty()) return Skip{"Status, type, severity and priority are as before."};
    const std::string weblink = weblinkOf(*subject, uiUrl);
    const Mail mail = atStart
                          ? notificationMail(*subject, weblink)
                          : changeMail(*subject, weblink, changes,
                                       nameOf(step.session, step.projectId, textOr(step.flowInput, "actor")));
    Json list = Json::array();
    std::string wrong;  // what applies and cannot be sent
    for (const store::Row& row : applicableNotifications(step, models, "email")) {
      Json input;
      try {
        input = mailInput(mail, checkedEmail(row.text("target"), {"target"}), row.text("name"),
                          subject->commanderEmail, uiUrl);
      } catch (const Problem& problem) {
        wrong += " Notification \"" + row.text("name") + "\" cannot be sent: " + problem.what() + ".";
        addToTimeline(step.session, step.organizationId, step.subjectId,
                      {.description = "Notification \"" + row.text("name") +
                                      "\" was not sent. Reason: " + problem.what()});
        continue;
      }
      list.push_back({{"title", "Notify " + row.text("name")}, {"input", std::move(input)}});
    }
    if (list.empty())
      return Skip{.reason = wrong.empty()
                                ? "No e-mail notification of project " + subject->projectTitle +
                                      " applies to this incident. Add one under Settings > Notifications."
                                : wrong.substr(1) + " Correct it under Settings > Notifications.",
                  .retryable = true};
    return Json{{"mails", std::move(list)}};
  };
  binding.expand = [](StepContext&, const Json& output) { return mails(output); };
  return binding;
}

std::string recipientOf(const Json& input) {
  const Json& to = input.at("to").at(0);
  return textOr(to, "name").empty() ? textOr(to, "email")
                                    : textOr(to, "name") + " <" + textOr(to, "email") + ">";
}

/// A mail that its server refused did not reach anybody, although the call went well.
void noteRejected(StepContext& step, const Json& output) {
  for (const Json& one : output.value("rejected", Json::array()))
    addToTimeline(step.session, step.organizationId, step.subjectId,
                  {.description =
                       "Mail to " + textOr(one, "email") + " was refused. Reason: " + textOr(one, "reason")});
}

Binding mail() {
  Binding binding;
  binding.apply = [](StepContext& step, const Json& output) {
    if (step.session.one("SELECT id FROM incident WHERE id = ?", {step.subjectId}))
      noteRejected(step, output);
  };
  return binding;
}

Binding notification() {
  Binding binding;
  binding.apply = [](StepContext& step, const Json& output) {
    if (!step.session.one("SELECT id FROM incident WHERE id = ?", {step.subjectId})) return;
    noteRejected(step, output);
    if (!output.value("accepted", Json::array()).empty())
      addToTimeline(step.session, step.organizationId, step.subjectId,
                    {.description = "Incident notification sent to " + recipientOf(step.input)});
  };
  return binding;
}

}  // namespace

std::map<std::string, flow::Binding> mailBindings(const Context& context) {
  std::map<std::string, flow::Binding> all;
  all["mail.welcome"] = welcomeAll(context.uiUrl, false);
  all["mail.welcome:create"] = welcomeAll(context.uiUrl, true);
  all["mail.welcome:participant"] = welcomeOne(context.uiUrl);
  all["mail.welcome/*"] = mail();
  all["mail.role"] = roleOne(context.uiUrl);
  all["mail.notification"] = notifications(context, false);
  all["mail.notification:create"] = notifications(context, true);
  all["mail.notification/*"] = notification();
  return all;
}

}  // namespace dispatch::incident
