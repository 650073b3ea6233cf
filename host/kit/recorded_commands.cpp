#include "kit/recorded_commands.hpp"

#include "base/base.hpp"

#include <iostream>
#include <iterator>

namespace dispatch::kit {

int RecordedCommands::record() {
  auto& call = _record.call;
  call.input = parseJson(_input == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : _input,
                         "The input");
  call.configuration = readConfiguration(_configuration);
  const auto done = recordCall(Equipment::discover(), _path, _record);
  const bool written = !done.at("file").is_null();
  if (_printJson) {
    std::cout << pretty(done);
    return written ? 0 : 1;
  }
  const auto exchanges = done.at("exchanges").get<std::size_t>();
  std::cout << call.method << ' ' << textOr(done, "status") << ", " << exchanges
            << (exchanges == 1 ? " exchange" : " exchanges") << '\n';
  if (!textOr(done, "message").empty()) std::cout << "  " << textOr(done, "message") << '\n';
  if (!done.at("answer").is_null()) std::cout << "  " << dumpJson(done.at("answer")) << '\n';
  for (const auto& line : done.at("log")) std::cout << "  log: " << line.get<std::string>() << '\n';
  const auto status = textOr(done, "status");
  if (!written) {
    std::cerr << "dispatch-plugin: Nothing was recorded: " << printable(call.method) << " ended as " << status
              << " before any HTTP exchange, so there is nothing to replay. Name a method of its type, or "
                 "mend what "
                 "it says of the input or the settings.\n";
    return 1;
  }
  if (status != "OK")
    std::cout << "\nThe call failed, and that is what the recording holds: a test of it expects " << status
              << ". If it should have worked, mend the cause and record it again with --replace.\n";
  else if (exchanges == 0)
    std::cout << "\nIt needed no HTTP: the recording holds the call and its answer alone.\n";
  std::cout
      << "\nWrote " << textOr(done, "file")
      << ". Secrets of the settings stand there as [secret]; look through it before you give it to others.\n"
         "Next:\n  dispatch-plugin test "
      << _path << ' ' << textOr(done, "file") << '\n';
  return 0;
}

int RecordedCommands::test() {
  _test.configuration = readConfiguration(_configuration);
  _test.limit = std::chrono::seconds(_limitSeconds);
  _test.faults = !_noFaults;
  _files.needSound();
  if (_files.toScreen()) _test.heard = showProgress;
  const auto report = testRecordedCases(Equipment::discover(), _path, _test);
  endProgress();
  _files.write(report);
  return report.passed() ? 0 : 1;
}

CLI::App* RecordedCommands::command(CLI::App& app, const char* name, const char* description,
                                    const char* footer) {
  auto* made = app.add_subcommand(name, description);
  made->footer(footer);
  made->add_option("path", _path, "Directory of the built package: the one with plugin.json")
      ->required()
      ->type_name("PATH");
  return made;
}

void RecordedCommands::addTo(CLI::App& app, const std::function<void(std::function<int()>)>& chosen) {
  auto* recorded =
      command(app, "record",
              "Call one method with this machine's network, and write its HTTP exchanges to a HAR file",
              "The file is HAR 1.2: editors, browsers and dispatch::testing read it. Secrets of the settings "
              "and what a\n"
              "header, cookie, member or field with a telling name holds stand in it as [secret]. HTTP only: "
              "what goes\n"
              "over dispatch.stream/1 (SMTP, LDAP) is not recorded.\n\n"
              "Examples:\n"
              "  dispatch-plugin record PATH create \"$(cat incident.json)\" --config settings.json --to "
              "tests/recordings/create.har\n"
              "  dispatch-plugin record PATH test --config settings.json --to tests/recordings/test.har "
              "--allow-private");
  auto& call = _record.call;
  call.home = "worker";
  recorded->add_option("method", call.method, "A method of its type; or test, describe, authenticate")
      ->required()
      ->type_name("METHOD");
  recorded->add_option("input", _input, "Input as JSON; - reads it from standard input")
      ->default_str("{}")
      ->type_name("JSON");
  recorded->add_option("--to", _record.file, "File to write")->required()->type_name("FILE");
  recorded->add_flag("--replace", _record.replace, "Write over a file that is there");
  recorded
      ->add_option(
          "--config", _configuration,
          "JSON file of settings, secrets as plain text (default: the smallest that the schema allows)")
      ->type_name("FILE");
  recorded->add_option("--home", call.home, "Where the plugin runs: the host's process or a worker")
      ->check(CLI::IsMember({"process", "worker"}))
      ->default_str("worker")
      ->type_name("process|worker");
  recorded->add_flag(
      "--allow-private", call.allowPrivate,
      "Permitted destinations may be in private networks, as `allow:` in dispatch.yaml says for a server");
  recorded->add_flag("--json", _printJson, "Print JSON instead of text");
  recorded->callback([this, chosen] { chosen([this] { return record(); }); });

  auto* replayed = command(
      app, "test", "Run a package against recorded HTTP, without network: exit code 0 if nothing failed",
      "Each case runs in both homes with the network replaced by its recording, and again with each "
      "exchange\n"
      "broken: refused, timeout, 429, 500, cut-short, not-json. HTTP only: a plugin that needs "
      "dispatch.stream/1\n"
      "(SMTP, LDAP) finds no network.\n\n"
      "Examples:\n"
      "  dispatch-plugin test build/lib/dispatch/plugins/acme-jira\n"
      "  dispatch-plugin test PATH tests/recordings/create.har --home worker\n"
      "  dispatch-plugin test PATH --only create --no-faults --junit test.xml --sarif test.sarif");
  replayed->add_option("recordings", _test.recordings, "Directory of *.har files, or one such file")
      ->default_str("tests/recordings")
      ->type_name("RECORDINGS");
  replayed->add_option("--only", _test.only, "Only these cases: names of files without .har")
      ->delimiter(',')
      ->type_name("NAME[,…]");
  replayed->add_flag("--no-faults", _noFaults, "Each case as recorded only, with nothing broken");
  replayed
      ->add_option("--home", _test.home,
                   "Where the plugin runs: the host's process, a worker, or one after the other")
      ->check(CLI::IsMember({"process", "worker", "both"}))
      ->default_str("both")
      ->type_name("process|worker|both");
  replayed
      ->add_option("--config", _configuration, "JSON file of settings that count before the recorded ones")
      ->type_name("FILE");
  replayed->add_option("--limit", _limitSeconds, "Seconds that one run may take")
      ->check(CLI::Range(1, 3600))
      ->default_str("30");
  replayed->add_option("--json", _files.json, "Write the report as JSON; - for standard output")
      ->type_name("FILE");
  replayed->add_option("--junit", _files.junit, "Write it as JUnit XML; - for standard output")
      ->type_name("FILE");
  replayed->add_option("--sarif", _files.sarif, "Write it as SARIF 2.1.0; - for standard output")
      ->type_name("FILE");
  replayed->callback([this, chosen] { chosen([this] { return test(); }); });
}

}  // namespace dispatch::kit
