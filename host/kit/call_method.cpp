#include "kit/call_method.hpp"

#include "base/base.hpp"
#include "kit/contained.hpp"
#include "kit/exercise.hpp"
#include "kit/files.hpp"
#include "kit/package_findings.hpp"
#include "kit/sample.hpp"

namespace dispatch::kit {

using namespace std::chrono_literals;

RunnablePackage::RunnablePackage(const Equipment& equipment, const std::string& directory) {
  const auto examined = examinePackage(equipment, directory, false, {});
  for (const auto& finding : examined.findings)
    if (finding.verdict.state == Verdict::State::failed)
      throw Problem(Problem::Kind::invalid, "The package is not sound. Check \"" + finding.check +
                                                "\" failed: " + finding.verdict.sentence);
  _manifest = examined.manifest;
  examined.writeTo(_copy.path() + '/' + _manifest.id);
}

Json RunnablePackage::configuration(const Json& given) const {
  auto configuration = given.is_null() ? sampleOf(_manifest.configurationSchema) : given;
  plugin::makeConfiguration(_manifest.configurationSchema, configuration, 1);
  return configuration;
}

plugin::JsonOutcome callNamed(plugin::Instance& instance, const std::string& method, const Json& input,
                              const plugin::CallOptions& options) {
  if (method == "test") return instance.test(input, options);
  if (method == "describe") return instance.describeAuth(options);
  if (method == "authenticate") return instance.authenticate(input, options);
  if (method == "encrypt") return instance.encrypt(textOr(input, "name"), textOr(input, "text"), options);
  if (method == "decrypt") {
    const auto opened = instance.decrypt(textOr(input, "name"), textOr(input, "text"), options);
    plugin::JsonOutcome outcome;
    static_cast<plugin::Outcome&>(outcome) = opened;
    if (opened.ok()) outcome.value = std::string(opened.secret.reveal());
    return outcome;
  }
  return instance.invoke(method, input, options);
}

namespace {

Json callIn(const Equipment& equipment, const std::string& searchPath, const plugin::Manifest& manifest,
            const Json& configuration, const std::string& home, const CallMethodOptions& options) {
  Bench bench(equipment, searchPath, manifest.id, home, options.allowPrivate);
  auto instance = bench.started(configuration);
  plugin::CallOptions call;
  call.idempotencyKey = randomUuid();
  const auto began = std::chrono::steady_clock::now();
  const auto outcome = callNamed(*instance, options.method, options.input, call);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
  instance.reset();
  return {{"home", home},
          {"ok", outcome.ok()},
          {"status", textOf(outcome).substr(0, textOf(outcome).find(':'))},
          {"message", outcome.message},
          {"answer", outcome.value},
          {"milliseconds", took.count()},
          {"log", bench.logLines()}};
}

}  // namespace

Json callMethod(const Equipment& equipment, const std::string& directory, const CallMethodOptions& options) {
  const RunnablePackage package(equipment, directory);
  const auto configuration = package.configuration(options.configuration);
  Json all = Json::array();
  for (const char* home : {"process", "worker"}) {
    if (options.home != "both" && options.home != home) continue;
    const auto contained = runContained(
        [&] {
          return callIn(equipment, package.searchPath(), package.manifest(), configuration, home, options);
        },
        15min, Network::host);
    all.push_back(contained.answered
                      ? contained.answer
                      : Json{{"home", home},
                             {"ok", false},
                             {"status", "INTERNAL"},
                             {"message", "The plugin " + contained.end + ". " + contained.output},
                             {"answer", nullptr},
                             {"milliseconds", contained.milliseconds},
                             {"log", Json::array()}});
  }
  return all;
}

}  // namespace dispatch::kit
