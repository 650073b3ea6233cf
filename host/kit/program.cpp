#include "kit/program.hpp"

#include "base/base.hpp"
#include "kit/behaviour.hpp"
#include "kit/call_method.hpp"
#include "kit/difference.hpp"
#include "kit/output.hpp"
#include "kit/project.hpp"
#include "kit/recorded_commands.hpp"
#include "kit/signing.hpp"

#include <sodium.h>
#include <CLI/CLI.hpp>

#include <functional>
#include <iostream>

namespace dispatch::kit {

namespace {

/// What the options write into; lives as long as the parse.
struct Values {
  std::string type, id, path, other, method, input = "{}", configuration, key;
  ReportFiles files;
  ProjectOptions project;
  CheckOptions check;
  CallMethodOptions call;
  int limitSeconds = 30;
  bool printJson = false, passwordStdin = false;
};

int makeNew(Values& values) {
  const auto made = makeProject(Equipment::discover(), values.project);
  if (values.printJson) {
    std::cout << pretty(made);
    return 0;
  }
  const auto directory = textOr(made, "directory");
  std::cout << "Made " << directory << ":";
  for (const auto& file : made.at("files")) std::cout << ' ' << file.get<std::string>();
  const auto prefix = config::Paths::discover(std::nullopt).prefix;
  std::cout << "\n\nNext:\n  cmake -G Ninja -S " << directory << " -B " << directory
            << "/build -DCMAKE_PREFIX_PATH=" << prefix << "\n  cmake --build " << directory
            << "/build\n  ctest --test-dir " << directory << "/build\n  dispatch-plugin check " << directory
            << "/build/lib/dispatch/plugins/" << values.project.id << "\n";
  return 0;
}

int check(Values& values) {
  auto& options = values.check;
  options.configuration = readConfiguration(values.configuration);
  options.limit = std::chrono::seconds(values.limitSeconds);
  values.files.needSound();
  if (values.files.toScreen()) options.heard = showProgress;
  const auto report = checkPlugin(Equipment::discover(), values.path, options);
  endProgress();
  values.files.write(report);
  return report.passed() ? 0 : 1;
}

int listChecks(Values& values) {
  Json all = Json::array();
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](std::string_view name, std::string_view promise, const char* where) {
    all.push_back({{"name", name}, {"promise", promise}, {"where", where}});
    rows.push_back({std::string(name), where, std::string(promise)});
  };
  for (const auto& one : plugin::packageChecks()) add(one.name, one.promise, "package");
  for (const auto& one : behaviourChecks()) {
    using Where = BehaviourCheck::Where;
    add(one.name, one.promise,
        one.where == Where::eachHome   ? "each home"
        : one.where == Where::worker   ? "worker"
        : one.where == Where::compared ? "both homes"
                                       : "its table");
  }
  if (values.printJson)
    std::cout << pretty(all);
  else
    printRows(std::cout, {"Check", "Where", "What holds"}, rows);
  return 0;
}

int sign(Values& values) {
  SignOptions options;
  options.keyFile = values.key;
  if (values.passwordStdin) std::getline(std::cin, options.password);
  const auto done = signPackage(Equipment::discover(), values.path, options);
  if (values.printJson) {
    std::cout << pretty(done);
    return 0;
  }
  if (done.at("made") == true)
    std::cout << "Made a key of your own for this machine: " << textOr(done, "key")
              << " (keep it; whoever has it can sign as you)\n";
  std::cout << "Signed " << textOr(done, "id") << ' ' << textOr(done, "version") << ": "
            << textOr(done, "signature") << "\n\nAn operator trusts it with:\n  " << textOr(done, "trust")
            << "\n";
  return 0;
}

int keygen(Values& values) {
  const auto made = values.key.empty() ? generateOwnKey() : generateKey(values.key);
  if (values.printJson)
    std::cout << pretty(made);
  else
    std::cout << "Secret key  " << textOr(made, "key")
              << "   (for you alone; it has no password)\nPublic key  " << textOr(made, "public_key_file")
              << "   " << textOr(made, "public_key") << "\n";
  return 0;
}

int diff(Values& values) {
  const auto difference = comparePackages(Equipment::discover(), values.path, values.other);
  Json changes = Json::array();
  std::vector<std::vector<std::string>> rows;
  std::size_t breaking = 0;
  for (const auto& change : difference.changes) {
    breaking += change.kind == Change::Kind::breaking ? 1 : 0;
    rows.push_back({std::string(textOf(change.kind)), change.what, change.sentence});
    changes.push_back({{"kind", textOf(change.kind)}, {"what", change.what}, {"sentence", change.sentence}});
  }
  if (values.printJson) {
    std::cout << pretty({{"from", difference.from},
                         {"to", difference.to},
                         {"announced", difference.announced},
                         {"ok", difference.releasable()},
                         {"changes", changes}});
    return difference.releasable() ? 0 : 1;
  }
  std::cout << difference.from << " -> " << difference.to << "\n\n";
  if (rows.empty())
    std::cout << "Nothing that an operator would notice.\n";
  else
    printRows(std::cout, {"Kind", "What", "Change"}, rows);
  std::cout << '\n';
  if (difference.releasable())
    std::cout << (breaking == 0 ? "Operators can upgrade without doing anything.\n"
                                : "It breaks something, and its version says so.\n");
  else
    std::cout << "It may not be released so: "
              << (breaking > 0 && !difference.announced
                      ? "what breaks needs a new major version (below 1.0.0: a new minor one).\n"
                      : "see what is wrong above.\n");
  return difference.releasable() ? 0 : 1;
}

int call(Values& values) {
  auto& options = values.call;
  options.method = values.method;
  options.input = parseJson(
      values.input == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : values.input,
      "The input");
  options.configuration = readConfiguration(values.configuration);
  const auto answers = callMethod(Equipment::discover(), values.path, options);
  bool good = true;
  for (const auto& answer : answers) {
    good = good && answer.at("ok") == true;
    if (values.printJson) continue;
    std::cout << textOr(answer, "home") << "  " << textOr(answer, "status") << "  "
              << static_cast<double>(static_cast<long>(answer.at("milliseconds").get<double>() * 1000)) / 1000
              << " ms\n";
    if (!textOr(answer, "message").empty()) std::cout << "  " << textOr(answer, "message") << "\n";
    if (!answer.at("answer").is_null()) std::cout << "  " << dumpJson(answer.at("answer")) << "\n";
    for (const auto& line : answer.at("log")) std::cout << "  log: " << line.get<std::string>() << "\n";
  }
  if (values.printJson) std::cout << pretty(answers);
  return good ? 0 : 1;
}

/// "Type of the plugin: ticket, …"; what is installed, as far as anything is.
std::string typesWithTemplates() {
  std::string text = "Type of the plugin";
  try {
    const char* before = ": ";
    for (const auto& type : projectTypes(Equipment::discover(), "c++")) text += before + type, before = ", ";
  } catch (const Problem&) {
    // The command itself will say that templates or contracts are missing.
  }
  return text;
}

class Grammar {
 public:
  explicit Grammar(Values& values)
      : _values(values), _app("Dispatch: the tool of plugin authors.", "dispatch-plugin") {
    _app.set_version_flag("--version", "dispatch-plugin " DISPATCH_VERSION, "Show the version");
    _app.require_subcommand(1);
    _app.footer(
        "Exit codes: 0 done, 1 refused or something failed (the reason is printed), 2 wrong command line.\n\n"
        "From nothing to a signed plugin:\n"
        "  dispatch-plugin new ticket acme-jira\n"
        "  cmake -G Ninja -S acme-jira -B acme-jira/build && cmake --build acme-jira/build && ctest "
        "--test-dir "
        "acme-jira/build\n"
        "  dispatch-plugin check acme-jira/build/lib/dispatch/plugins/acme-jira\n"
        "  dispatch-plugin sign acme-jira/build/lib/dispatch/plugins/acme-jira");
    newProject(), checks(), signing(), difference(), methodCall();
    _recorded.addTo(_app, [this](std::function<int()> run) {
      _chosen = [run = std::move(run)](Values&) { return run(); };
    });
  }

  CLI::App& app() { return _app; }
  const std::function<int(Values&)>& chosen() const { return _chosen; }

 private:
  CLI::App* command(const char* name, const char* description, const char* examples,
                    std::function<int(Values&)> run) {
    auto* made = _app.add_subcommand(name, description);
    made->footer(std::string("Examples:\n") + examples);
    made->callback([this, run = std::move(run)] { _chosen = run; });
    return made;
  }
  void package(CLI::App* to, const char* text = "Directory of the built package: the one with plugin.json") {
    to->add_option("path", _values.path, text)->required()->type_name("PATH");
  }
  void json(CLI::App* to) { to->add_flag("--json", _values.printJson, "Print JSON instead of text"); }
  void configuration(CLI::App* to) {
    to->add_option(
          "--config", _values.configuration,
          "JSON file of settings, secrets as plain text (default: the smallest that the schema allows)")
        ->type_name("FILE");
  }
  void home(CLI::App* to, std::string& where) {
    to->add_option("--home", where,
                   "Where the plugin runs: the host's process, a worker, or one after the other")
        ->check(CLI::IsMember({"process", "worker", "both"}))
        ->default_str("both")
        ->type_name("process|worker|both");
  }

  void newProject() {
    auto* made = command("new", "Make a project that builds, with a test of its own",
                         "  dispatch-plugin new ticket acme-jira\n"
                         "  dispatch-plugin new contact acme-people --language c --dir src/people",
                         makeNew);
    auto& project = _values.project;
    made->add_option("type", project.type, typesWithTemplates())->required()->type_name("TYPE");
    made->add_option("id", project.id, "Id of the plugin: a-z, 0-9 and -; one that nobody else will take")
        ->required()
        ->type_name("ID");
    made->add_option("--dir", project.directory, "Directory to make (default: ID)")->type_name("DIR");
    made->add_option("--language", project.language, "Language of the plugin; its test is C++ in either")
        ->check(CLI::IsMember({"c++", "c"}))
        ->default_str("c++")
        ->type_name("c++|c");
    json(made);
  }

  void checks() {
    auto* made = command(
        "check", "Hold a package to what the server and its operators expect: exit code 0 if nothing failed",
        "  dispatch-plugin check build/lib/dispatch/plugins/acme-jira\n"
        "  dispatch-plugin check PATH --only answers --config settings.json\n"
        "  dispatch-plugin check PATH --require-signature --public-key acme.pub --junit check.xml --sarif "
        "check.sarif",
        check);
    package(made);
    home(made, _values.check.home);
    configuration(made);
    made->add_option("--only", _values.check.only, "Only these checks; dispatch-plugin checks lists them")
        ->delimiter(',')
        ->type_name("NAME[,…]");
    made->add_flag("--require-signature", _values.check.requireSignature,
                   "A package that is not signed fails");
    made->add_option("--public-key", _values.check.publicKeys, "A key of minisign whose signatures are good")
        ->type_name("KEY|FILE");
    made->add_option("--limit", _values.limitSeconds, "Seconds that one check may take")
        ->check(CLI::Range(1, 3600))
        ->default_str("30");
    made->add_option("--json", _values.files.json, "Write the report as JSON; - for standard output")
        ->type_name("FILE");
    made->add_option("--junit", _values.files.junit, "Write it as JUnit XML; - for standard output")
        ->type_name("FILE");
    made->add_option("--sarif", _values.files.sarif, "Write it as SARIF 2.1.0; - for standard output")
        ->type_name("FILE");
    json(command("checks", "List the checks and what each promises", "  dispatch-plugin checks", listChecks));
  }

  void signing() {
    auto* made = command("sign", "Sign a package, and say how an operator trusts it",
                         "  dispatch-plugin sign build/lib/dispatch/plugins/acme-jira\n"
                         "  dispatch-plugin sign PATH --key acme.key --password-stdin <password-file",
                         sign);
    package(made);
    made->add_option(
            "--key", _values.key,
            "Secret key of minisign (default: a key of your own in ~/.config/dispatch, made if needed)")
        ->type_name("FILE");
    made->add_flag("--password-stdin", _values.passwordStdin, "Read the key's password from standard input");
    json(made);
    auto* generate = command("keygen", "Make a key without a password, in the format of minisign",
                             "  dispatch-plugin keygen\n  dispatch-plugin keygen --key acme.key", keygen);
    generate->add_option("--key", _values.key, "File to make; its public half goes into a .pub beside it")
        ->type_name("FILE");
    json(generate);
  }

  void difference() {
    auto* made =
        command("diff",
                "Tell what a new version changes for operators: exit code 1 if it breaks something and its "
                "version does not say so",
                "  dispatch-plugin diff released/acme-jira build/lib/dispatch/plugins/acme-jira", diff);
    package(made, "The package that operators have");
    made->add_option("new", _values.other, "The package that they would get")->required()->type_name("NEW");
    json(made);
  }

  void methodCall() {
    auto* made =
        command("run", "Call one method and print answer, time and log; with this machine's network",
                "  dispatch-plugin run PATH get '{\"email\": \"ada@example.com\"}' --config settings.json\n"
                "  dispatch-plugin run PATH test --allow-private --home worker",
                call);
    package(made);
    made->add_option("method", _values.method,
                     "A method of its type; or test, describe, authenticate, encrypt, decrypt")
        ->required()
        ->type_name("METHOD");
    made->add_option("input", _values.input, "Input as JSON; - reads it from standard input")
        ->default_str("{}")
        ->type_name("JSON");
    home(made, _values.call.home);
    configuration(made);
    made->add_flag(
        "--allow-private", _values.call.allowPrivate,
        "Permitted destinations may be in private networks, as `allow:` in dispatch.yaml says for a server");
    json(made);
  }

  Values& _values;
  CLI::App _app;
  RecordedCommands _recorded;
  std::function<int(Values&)> _chosen;
};

/// The first word, if it names no command.
std::string unknownCommand(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  std::vector<std::string> names;
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  if (std::find(names.begin(), names.end(), argv[1]) != names.end()) return "";
  std::string known;
  for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
  return unknownName("there is no command", argv[1], names) + " There are: " + known;
}

}  // namespace

int runProgram(int argc, char** argv) {
  if (::sodium_init() < 0) return 1;
  Values values;
  Grammar grammar(values);
  auto& app = grammar.app();
  if (const auto unknown = unknownCommand(app, argc, argv); !unknown.empty()) {
    std::cerr << "dispatch-plugin: " << unknown << "\n";
    return 2;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    std::cout << version.what() << "\n";
    return 0;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    if (argc < 2) {
      std::cerr << app.help();
      return 2;
    }
    std::cerr << "dispatch-plugin: " << error.what() << "\nTry: dispatch-plugin " << argv[1] << " --help\n";
    return 2;
  }
  try {
    return grammar.chosen()(values);
  } catch (const std::exception& error) {
    std::cerr << "dispatch-plugin: " << printable(error.what()) << "\n";
  }
  return 1;
}

}  // namespace dispatch::kit
