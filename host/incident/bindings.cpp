#include "incident/bindings.hpp"

#include "base/base.hpp"

namespace dispatch::incident {

using flow::Binding;
using flow::Skip;
using flow::StepContext;

Binding aboutIncident(AboutIncident prepare) {
  Binding binding;
  binding.prepare = [prepare = std::move(prepare)](StepContext& step) -> Prepared {
    const auto subject = readSubject(step.session, step.subjectId);
    if (!subject) return kGone;
    return prepare(step, *subject);
  };
  return binding;
}

Binding aboutResource(const ResourceKind& kind, AboutResource prepare) {
  Binding binding = aboutIncident(
      [kind, prepare = std::move(prepare)](StepContext& step, const Subject& subject) -> Prepared {
        const Resources resources = readResources(step.session, subject.id);
        if (!(resources.*kind.member)) return Skip{std::string("The incident has no ") + kind.title + "."};
        return prepare(step, subject, resources);
      });
  binding.instance = [kind](StepContext& step) {
    return (readResources(step.session, step.subjectId).*kind.member).pluginInstanceId;
  };
  return binding;
}

Binding makesResource(const ResourceKind& kind, AboutIncident prepare) {
  Binding binding = aboutIncident(
      [kind, prepare = std::move(prepare)](StepContext& step, const Subject& subject) -> Prepared {
        const Resource there = readResources(step.session, subject.id).*kind.member;
        if (there)
          return Skip{std::string("The incident has its ") + kind.title + " already" +
                      (there.name.empty() ? "." : ": " + there.name + ".")};
        return prepare(step, subject);
      });
  binding.apply = [kind](StepContext& step, const Json& output) {
    if (const auto subject = readSubject(step.session, step.subjectId, true))
      keepResource(step, *subject, kind, output);
  };
  return binding;
}

Binding aboutRemembered(const std::string& key, const std::string& title,
                        std::function<Prepared(const Json&, const Resource&)> prepare) {
  Binding binding;
  binding.instance = [key](StepContext& step) {
    return rememberedResource(step.flowInput, key).pluginInstanceId;
  };
  binding.prepare = [key, title, prepare = std::move(prepare)](StepContext& step) -> Prepared {
    const Resource there = rememberedResource(step.flowInput, key);
    if (!there) return Skip{"The incident had no " + title + "."};
    return prepare(step.flowInput, there);
  };
  return binding;
}

Json mailboxesOf(const std::vector<Person>& people) {
  Json list = Json::array();
  for (const Person& person : people)
    if (person.active()) list.push_back({{"email", person.email}, {"name", person.name}});
  return list;
}

Json activeMailboxes(StepContext& step) { return mailboxesOf(people(step.session, step.subjectId)); }

std::vector<Person> joinedInFlow(StepContext& step) {
  std::vector<Person> joined;
  for (const flow::StepResult& one : step.children("participants.resolve")) {
    if (one.state != "done" || !one.output.is_object() || !one.output.value("added", false)) continue;
    auto person = findPerson(step.session, step.subjectId, textOr(one.output, "email"));
    if (person && person->active()) joined.push_back(std::move(*person));
  }
  return joined;
}

}  // namespace dispatch::incident
