#include "base/base.hpp"
#include "cli/cli.hpp"
#include "cli/commands.hpp"
#include "cli/control_socket.hpp"
#include "cli/invocation.hpp"
#include "cli/local_commands.hpp"
#include "cli/logging.hpp"
#include "cli/output.hpp"
#include "cli/process.hpp"
#include "cli/server.hpp"
#include "cli/stray_ids.hpp"

#include <sysexits.h>
#include <unistd.h>

#include <iostream>

namespace dispatch::cli {

namespace {

/// Heading and members of the tables; what is not here is printed as "key  value" lines.
const std::map<std::string, TableColumns>& tables() {
  static const std::map<std::string, TableColumns> all{
      {"user.list",
       {{"email", "E-mail"}, {"roles", "Roles"}, {"active", "Active"}, {"last_login_at", "Last login"}}},
      {"plugins.list",
       {{"id", "Plugin"},
        {"type", "Type"},
        {"version", "Version"},
        {"organization", "Organization"},
        {"project", "Project"},
        {"state", "State"},
        {"origin", "Managed by"},
        {"reason", "Reason"}}},
      {"plugins.deliveries",
       {{"id", "Number"},
        {"received_at", "Received"},
        {"method", "Method"},
        {"path", "Path"},
        {"state", "State"},
        {"attempt", "Attempts"},
        {"response_status", "Answer"},
        {"next_try_at", "Next"},
        {"reason", "Reason"}}},
      {"plugins.trust.list",
       {{"name", "Name"},
        {"key_id", "Key"},
        {"ids", "May sign"},
        {"not_before", "From"},
        {"not_after", "Until"},
        {"revoked", "Revoked"},
        {"file", "File"}}},
      {"plugins.quarantine.list",
       {{"id", "Plugin"},
        {"version", "Version"},
        {"since", "Since"},
        {"crashes", "Times"},
        {"digest", "Digest"},
        {"reason", "Reason"}}},
      {"scheduler.list",
       {{"name", "Job"},
        {"every_seconds", "Every (s)"},
        {"last_run_at", "Last run"},
        {"last_error", "Last error"},
        {"description", "Description"}}},
      {"flow.show", {{"kind", "Flow"}, {"steps", "Steps"}}},
      {"server.routes", {{"method", "Method"}, {"path", "Path"}, {"access", "Who"}, {"rule", "Rule"}}},
      {"server.config", {{"name", "Setting"}, {"value", "Value"}, {"origin", "Origin"}}},
      {"secret.doctor",
       {{"name", "Setting"}, {"state", "State"}, {"origin", "Origin"}, {"detail", "Detail"}}}};
  return all;
}

/// The manifest's request beside what is granted now.
void printGranted(Json rows) {
  std::cout << "\n  What it asks for, and has\n";
  for (auto& row : rows) {
    const auto note = textOr(row, "note");
    row["now"] = row["granted"].is_null() ? "nothing: " + note
                                          : textOr(row, "granted") + (note.empty() ? "" : " (" + note + ")");
    row["kind"] = "  " + textOr(row, "kind");
  }
  printTable(std::cout, rows, {{"kind", "  Kind"}, {"asked", "Asked for"}, {"now", "Granted"}}, 0);
}

void show(const Invocation& invocation, const Json& result) {
  if (invocation.json) {
    std::cout << result.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
    return;
  }
  const auto table = tables().find(invocation.command);
  if (result.is_array() && table != tables().end()) {
    printTable(std::cout, result, table->second, terminalWidth());
  } else if (invocation.command == "flow.show" && result.contains("steps")) {
    std::cout << textOr(result, "kind") << "\n\n";
    printTable(std::cout, result["steps"],
               {{"key", "Step"},
                {"plugin_type", "Plugin type"},
                {"method", "Method"},
                {"needs", "Needs"},
                {"title", "What it does"}},
               terminalWidth());
  } else if (invocation.command == "plugins.test") {
    std::cout << (result.value("ok", false) ? "ok" : "FAILED") << "  " << textOr(result, "summary") << "\n";
    for (const auto& check : result["checks"])
      std::cout << "  " << (check.value("ok", false) ? "ok      " : "FAILED  ") << textOr(check, "name")
                << "  " << textOr(check, "detail") << "\n";
  } else if (invocation.command == "plugins.verify") {
    std::cout << textOr(result, "id", textOr(result, "path")) << " " << textOr(result, "version") << "\n"
              << "  digest  " << textOr(result, "digest") << "\n\n";
    printTable(std::cout, result["checks"], {{"state", "Result"}, {"name", "Check"}, {"detail", "Found"}}, 0);
    std::cout << "\n"
              << (result.value("ok", false) ? "It may run here: " : "It may not run here. ")
              << textOr(result, "trust") << "\n";
  } else if (invocation.command == "plugins.show") {
    Json head = result;
    const Json settings = head["settings"], instances = head["instances"];
    head.erase("settings");
    head.erase("instances");
    printObject(std::cout, head);
    std::cout << "\nSettings\n";
    printTable(std::cout, settings,
               {{"name", "Setting"},
                {"type", "Type"},
                {"required", "Required"},
                {"default", "Default"},
                {"variable", "Variable"},
                {"description", "Description"}},
               terminalWidth());
    for (Json instance : instances) {
      std::cout << "\nIn project " << textOr(instance, "organization") << "/" << textOr(instance, "project")
                << "\n";
      const Json granted = instance["granted"];
      instance.erase("granted");
      printObject(std::cout, instance, 2);
      printGranted(granted);
    }
  } else if (result.is_object()) {
    printObject(std::cout, result);
  } else if (result.is_string()) {
    std::cout << result.get<std::string>() << "\n";
  } else if (!result.is_null()) {
    std::cout << result.dump(2) << "\n";
  }
}

/// Runs the command in the running server, else here.
Json runAnywhere(const config::Settings& settings, const Invocation& invocation) {
  if (auto answer = ControlSocket::ask(controlSocketPath(settings), invocation.command, invocation.args))
    return *answer;
  if (invocation.args.contains("trial") || invocation.command == "plugins.promote" ||
      invocation.command == "plugins.rollback")
    throw Problem(Problem::Kind::conflict,
                  "A version is tried in the running server, and none runs. Start it: dispatch server start");
  becomeOwnerOf(settings.paths().var);
  std::unique_ptr<DataLock> lock;
  if (!settings.has("DATABASE_HOSTNAME")) {
    needWritableDirectory(settings.paths().var, "the SQLite database (DISPATCH_DATA_DIR)");
    lock = std::make_unique<DataLock>(settings.paths().var, 10);
  }
  Installation installation(settings);
  std::unique_ptr<Rooms> rooms;
  CommandContext context{installation,
                         [&]() -> Rooms& {
                           if (!rooms) rooms = std::make_unique<Rooms>(installation);
                           return *rooms;
                         },
                         "cli-" + randomUuid()};
  return runCommand(context, invocation.command, invocation.args);
}

/// What a command needs from a person, before it goes anywhere.
void ask(const config::Settings& settings, Invocation& invocation) {
  Json& args = invocation.args;
  if (invocation.command == "user.register" || invocation.command == "user.reset") {
    if (textOr(args, "password").empty())
      args["password"] =
          readPassword("Password for " + textOr(args, "email"), true, args.value("password_stdin", false));
    args.erase("password_stdin");
  }
  if (invocation.command == "plugins.configure") {
    for (const auto& key : args.value("secrets", Json::array()))
      args["set"][key.get<std::string>()] = readPassword(key.get<std::string>(), false, ::isatty(0) == 0);
  }
  if (invocation.command == "plugins.rotate-webhook") {
    const bool yes = args.value("yes", false);
    args.erase("yes");
    if (yes) return;
    auto possible = invocation;  // nobody is asked about what cannot be done
    possible.command = "plugins.webhook";
    runAnywhere(settings, possible);
    if (!confirmed("Whoever sends to " + textOr(args, "id") +
                       " now gets 404 until they know the new address. Type rotate to go on: ",
                   "rotate"))
      throw Problem(Problem::Kind::conflict, "Nothing was changed. Where nobody can be asked, say --yes");
  }
}

int run(Invocation invocation) {
  logToTerminal();
  if (const auto answer = runWithoutSettings(invocation)) {
    show(invocation, *answer);
    return 0;
  }
  const auto settings =
      config::Settings::load(config::Paths::discover(invocation.configDirectory), invocation.settings);
  if (invocation.command == "server.start") return startServer(settings, invocation);
  for (const auto& warning : settings.warnings()) std::cerr << "dispatch: warning: " << warning << "\n";
  if (invocation.command == "server.config")
    for (const auto& warning : strayIds(settings)) std::cerr << "dispatch: warning: " << warning << "\n";
  if (invocation.command == "server.status" || invocation.command == "server.stop")
    return superviseServer(settings, invocation, show);
  invocation.args["actor"] = callerName();
  if (const auto answer = runLocally(settings, invocation)) {
    show(invocation, *answer);
    if (invocation.command == "plugins.verify") return answer->value("ok", false) ? 0 : 1;
    return invocation.command == "secret.doctor" && !allWell(*answer) ? 1 : 0;
  }
  ask(settings, invocation);
  Json answer = runAnywhere(settings, invocation);
  if (!invocation.json && answer.is_object() && answer.contains("remarks")) {
    for (const auto& remark : answer["remarks"])
      std::cerr << "dispatch: note: " << remark.get<std::string>() << "\n";
    answer.erase("remarks");
  }
  show(invocation, answer);
  return invocation.command == "plugins.test" && !answer.value("ok", false) ? 1 : 0;
}

}  // namespace

int runProgram(int argc, char** argv) {
  std::optional<int> exitCode;
  Invocation invocation = readCommandLine(argc, argv, exitCode);
  if (exitCode) return *exitCode;
  // Whatever keeps a server from starting has one code, as its own start has (EX_CONFIG of sysexits.h).
  const int failed = invocation.command == "server.start" ? EX_CONFIG : 1;
  try {
    return run(std::move(invocation));
  } catch (const Problem& problem) {
    printProblem(std::cerr, problem);
  } catch (const std::exception& error) {
    std::cerr << "dispatch: " << error.what() << "\n";
  }
  return failed;
}

}  // namespace dispatch::cli
