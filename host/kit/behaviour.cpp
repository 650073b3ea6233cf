#include "kit/behaviour.hpp"

#include "base/base.hpp"
#include "kit/contained.hpp"
#include "kit/files.hpp"
#include "kit/output.hpp"
#include "kit/package_findings.hpp"
#include "kit/sample.hpp"

#include <algorithm>

namespace dispatch::kit {

namespace {

/// Names of `only` that are no check's.
void needKnown(const std::vector<std::string>& only) {
  std::vector<std::string> known;
  for (const auto& check : behaviourChecks()) known.emplace_back(check.name);
  for (const auto& check : plugin::packageChecks()) known.emplace_back(check.name);
  for (const auto& name : only)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Problem(Problem::Kind::invalid,
                    unknownName("There is no check", name, known) + " dispatch-plugin checks lists them.");
}

std::vector<std::string> homesOf(const BehaviourCheck& check, const std::string& home) {
  const auto is = [&](const char* one) { return home == "both" || home == one; };
  std::vector<std::string> homes;
  switch (check.where) {
    case BehaviourCheck::Where::eachHome:
      for (const char* one : {"worker", "process"})
        if (is(one)) homes.emplace_back(one);
      break;
    case BehaviourCheck::Where::worker:
      if (is("worker")) homes.emplace_back("worker");
      break;
    case BehaviourCheck::Where::table:
      if (is("process")) homes.emplace_back("process");
      break;
    case BehaviourCheck::Where::compared:
      if (home == "both") homes.emplace_back("both");
      break;
  }
  return homes;
}

Finding tried(const BehaviourCheck& check, const Subject& subject, const std::string& home,
              std::chrono::milliseconds limit) {
  Finding finding{std::string(check.name), std::string(check.promise), home, {}, 0};
  const auto contained = runContained(
      [&]() -> Json {
        Verdict verdict;
        try {
          verdict = check.run(subject, home);
        } catch (const std::exception& problem) {
          verdict = Verdict::failed(problem.what());
        }
        return {{"state", static_cast<int>(verdict.state)}, {"sentence", verdict.sentence}};
      },
      limit);
  finding.milliseconds = contained.milliseconds;
  if (contained.answered) {
    finding.verdict = {static_cast<Verdict::State>(contained.answer.at("state").get<int>()),
                       contained.answer.at("sentence").get<std::string>()};
  } else {
    finding.verdict = Verdict::failed("The plugin " + contained.end +
                                      (contained.output.empty() ? "." : ". It wrote: " + contained.output));
  }
  return finding;
}

}  // namespace

Report checkPlugin(const Equipment& equipment, const std::string& directory, const CheckOptions& options) {
  needKnown(options.only);
  Report report;
  report.path = directory;
  const auto wanted = [&](std::string_view name) {
    return options.only.empty() ||
           std::find(options.only.begin(), options.only.end(), name) != options.only.end();
  };
  const auto add = [&](Finding finding) {
    if (options.heard) options.heard(finding);
    report.findings.push_back(std::move(finding));
  };

  auto examined = examinePackage(equipment, directory, options.requireSignature, options.publicKeys);
  report.id = examined.manifest.id;
  report.version = examined.manifest.version;
  for (auto& finding : examined.findings)
    if (wanted(finding.check) || finding.verdict.state == Verdict::State::failed) add(std::move(finding));

  std::string why;
  const TemporaryDirectory copy;
  Subject subject{equipment, copy.path(), examined.manifest};
  if (!examined.runnable) {
    why = "Its package is refused: mend what failed above first.";
  } else {
    examined.writeTo(copy.path() + '/' + examined.manifest.id);
    const auto& schema = examined.manifest.configurationSchema;
    subject.configuration = options.configuration.is_null() ? sampleOf(schema) : options.configuration;
    try {
      plugin::makeConfiguration(schema, subject.configuration, 1);
    } catch (const Problem& problem) {
      why = options.configuration.is_null()
                ? "No configuration could be made from its schema: " + std::string(problem.what()) +
                      " Give one with --config FILE."
                : std::string(problem.what()) + " Mend the file given with --config.";
      if (!options.configuration.is_null()) throw Problem(Problem::Kind::invalid, why);
    }
  }
  for (const auto& check : behaviourChecks()) {
    if (!wanted(check.name)) continue;
    for (const auto& home : homesOf(check, options.home))
      add(why.empty()
              ? tried(check, subject, home, options.limit)
              : Finding{std::string(check.name), std::string(check.promise), home, Verdict::skipped(why), 0});
  }
  return report;
}

}  // namespace dispatch::kit
