#include "kit/recorded_cases.hpp"

#include "base/base.hpp"
#include "kit/output.hpp"

#include <algorithm>
#include <filesystem>

namespace dispatch::kit {

namespace {

namespace fs = std::filesystem;
using testing::Fault;

std::vector<fs::path> filesOf(const RecordedCasesOptions& options) {
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_regular_file(options.recordings, error)) return {options.recordings};
  for (const auto& item : fs::directory_iterator(options.recordings, error))
    if (item.path().extension() == ".har") files.push_back(item.path());
  if (files.empty())
    throw Problem(Problem::Kind::notFound,
                  options.recordings +
                      " holds no recordings (*.har). Make one with: dispatch-plugin record PATH METHOD "
                      "INPUT --to " +
                      options.recordings + "/NAME.har");
  std::sort(files.begin(), files.end());
  std::vector<std::string> known;
  for (const auto& file : files) known.push_back(file.stem());
  for (const auto& name : options.only)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw Problem(Problem::Kind::invalid,
                    unknownName("In " + options.recordings + " there is no case", name, known));
  std::erase_if(files, [&](const fs::path& file) {
    return !options.only.empty() &&
           std::find(options.only.begin(), options.only.end(), file.stem()) == options.only.end();
  });
  return files;
}

std::string whatBreaks(const Breakage& breakage, const testing::RecordedExchange& exchange) {
  const auto line = exchange.request.method + ' ' + testing::addressOf(exchange.request);
  switch (breakage.fault) {
    case Fault::refused:
      return line + " finds nobody: the call fails with a sentence and may be tried again";
    case Fault::timeout:
      return line + " is not answered in time: the call fails with a sentence, and is not repeated blindly";
    case Fault::tooManyRequests:
      return line + " is answered with HTTP 429: the call fails, and passes on how long to wait";
    case Fault::serverError:
      return line + " is answered with HTTP 500: the call fails with a sentence, and is not repeated blindly";
    case Fault::cutShort:
      return line + " is answered by half: the call fails with a sentence, and is not repeated blindly";
    case Fault::notJson:
      return line + " is answered with HTML: the call fails with a sentence, and is not repeated blindly";
  }
  return line;
}

bool isJson(const std::string& text) { return !Json::parse(text, nullptr, false).is_discarded(); }

/// One file, in one home after the other.
class Case {
 public:
  Case(const Equipment& equipment, const RunnablePackage& package, const RecordedCasesOptions& options,
       const fs::path& file, std::function<void(Finding)> add)
      : _equipment(equipment),
        _package(package),
        _options(options),
        _name(file.stem()),
        _add(std::move(add)) {
    try {
      _recording = testing::readHar(file);
      if (_recording.call.method.empty())
        throw Problem(Problem::Kind::invalid,
                      _recording.name +
                          " has exchanges alone. Say in log._dispatch which call makes them: {\"method\": "
                          "…, \"input\": {…}, \"configuration\": {…}, \"expected\": {\"status\": \"OK\", "
                          "\"answer\": …}}");
      const auto& schema = package.manifest().configurationSchema;
      _configuration = package.configuration(configurationOf(_recording, schema, options.configuration));
    } catch (const std::exception& error) {
      _refusal = error.what();
    }
  }

  void run(const std::string& home) {
    const auto& call = _recording.call;
    const auto promise = call.method + " goes as recorded";
    if (!_refusal.empty()) {
      _add({_name, "The recording can be replayed", home, Verdict::failed(_refusal), 0});
      return;
    }
    const auto whole = runOnce(home, std::nullopt);
    const auto verdict = judgeReplay(_recording, whole);
    _add({_name, promise, home, verdict, whole.milliseconds});
    if (!_options.faults) return;
    for (std::size_t number = 1; number <= _recording.exchanges.size(); ++number) {
      // What failed when it was recorded is broken already.
      if (_recording.exchanges[number - 1].answer.failure != DISPATCH_OK) continue;
      for (const auto fault : testing::allFaults) breakOne(home, {number, fault}, verdict);
    }
  }

 private:
  void breakOne(const std::string& home, const Breakage& breakage, const Verdict& whole) {
    const auto& exchange = _recording.exchanges[breakage.exchange - 1];
    Finding finding{
        _name + '/' + std::to_string(breakage.exchange) + '/' + std::string(testing::nameOf(breakage.fault)),
        whatBreaks(breakage, exchange),
        home,
        {},
        0};
    if (whole.state == Verdict::State::failed) {
      finding.verdict = Verdict::skipped("The call does not go as recorded: mend that first.");
    } else if (breakage.fault == Fault::notJson && !isJson(exchange.answer.body)) {
      finding.verdict = Verdict::skipped("The recorded answer is no JSON either.");
    } else {
      const auto run = runOnce(home, breakage);
      finding.verdict = judgeBroken(_recording, breakage, run);
      finding.milliseconds = run.milliseconds;
    }
    _add(std::move(finding));
  }

  Replayed runOnce(const std::string& home, const std::optional<Breakage>& breakage) const {
    return replay(_equipment, _package, home, _recording, _configuration, breakage, _options.limit);
  }

  const Equipment& _equipment;
  const RunnablePackage& _package;
  const RecordedCasesOptions& _options;
  const std::string _name;
  const std::function<void(Finding)> _add;
  testing::Recording _recording;
  Json _configuration;
  std::string _refusal;
};

}  // namespace

Report testRecordedCases(const Equipment& equipment, const std::string& directory,
                         const RecordedCasesOptions& options) {
  const RunnablePackage package(equipment, directory);
  Report report;
  report.path = directory;
  report.id = package.manifest().id;
  report.version = package.manifest().version;
  report.good = "The plugin does with its peer what is recorded.";
  report.bad = "The plugin and its recordings do not agree: see what failed above.";
  const auto add = [&](Finding finding) {
    if (options.heard) options.heard(finding);
    report.findings.push_back(std::move(finding));
  };
  for (const auto& file : filesOf(options)) {
    Case one(equipment, package, options, file, add);
    for (const char* home : {"worker", "process"})
      if (options.home == "both" || options.home == home) one.run(home);
  }
  return report;
}

}  // namespace dispatch::kit
