#include "base/base.hpp"
#include "cli/installation.hpp"
#include "cli/invocation.hpp"
#include "cli/validators.hpp"
#include "config/config.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace dispatch::cli {

namespace {

/// What the options write into; lives as long as the parse.
struct Values {
  std::string config, email, organization = "default", role, password, project, id, name, kind, provider,
                             file, host, secretName, path, version, reason, notBefore, notAfter, lasts;
  std::vector<std::string> assignments, secrets, unset, ids;
  std::int64_t instance = 0, delivery = 0;
  int port = -1, databaseWait = 30, minutes = 10, canary = 0;
  bool shadow = false, json = false, passwordStdin = false, activate = false, deactivate = false, yes = false,
       quiet = false, background = false, enable = false, force = false, startOver = false;
};

/// key=value words as an object; {"key": text}.
Json assignments(const std::vector<std::string>& words) {
  Json all = Json::object();
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      throw CLI::ValidationError(word, "is not of the form setting=value");
    all[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return all;
}

class Grammar {
 public:
  Grammar(Values& values, Invocation& invocation)
      : _values(values), _invocation(invocation), _app("Dispatch: incidents run by plugins.", "dispatch") {
    _app.set_version_flag("--version", "dispatch " + version(), "Show the version");
    _app.add_option("--config", _values.config,
                    "Directory of .env and dispatch.yaml (or DISPATCH_CONFIG_DIR)")
        ->type_name("DIR");
    _app.add_flag("--json", _values.json, "Print JSON instead of a table");
    _app.require_subcommand(1);
    _app.fallthrough();
    _app.footer(
        "Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong command line, "
        "78 the server could not start.\n"
        "Commands that touch data act inside the running server at once; without one they work on the data "
        "themselves.\n\n"
        "Examples:\n"
        "  dispatch server start\n"
        "  dispatch user update --role Admin --organization default me@example.com\n"
        "  dispatch plugins configure smtp-email host=mail.example.com from_address=dispatch@example.com\n"
        "  dispatch COMMAND --help");
    server();
    database();
    user();
    auto* pluginCommands = plugins();
    packages(pluginCommands);
    trust(pluginCommands);
    secret();
    scheduler();
    other();
  }

  CLI::App& app() { return _app; }

 private:
  CLI::App* group(const char* name, const char* description) { return group(&_app, name, description); }
  CLI::App* group(CLI::App* parent, const char* name, const char* description) {
    auto* made = parent->add_subcommand(name, description);
    made->require_subcommand(1);
    made->fallthrough();
    return made;
  }

  /// `fill` puts what was read into the arguments.
  CLI::App* command(CLI::App* parent, const char* name, const char* description, const std::string& examples,
                    std::function<void(Json&)> fill = {}) {
    auto* made = parent->add_subcommand(name, description);
    made->fallthrough();
    if (!examples.empty()) made->footer("Examples:\n" + examples);
    std::string full = name;
    for (const auto* up = parent; up != &_app; up = up->get_parent()) full = up->get_name() + "." + full;
    made->callback([this, full, fill] {
      _invocation.command = full;
      if (fill) fill(_invocation.args);
    });
    return made;
  }

  void place(CLI::App* to) {
    to->add_option("-p,--project", _values.project, "Name of the project")
        ->type_name("NAME")
        ->default_str("default");
    to->add_option("-o,--organization", _values.organization, "Slug of the organization")
        ->type_name("SLUG")
        ->default_str("default");
    to->add_option("--instance", _values.instance,
                   "Number of the one meant, where a project has a plugin several times")
        ->type_name("NUMBER");
  }
  void fillPlace(Json& args) const {
    args["id"] = _values.id;
    args["organization"] = _values.organization;
    args["project"] = _values.project.empty() ? "default" : _values.project;
    if (_values.instance != 0) args["instance"] = _values.instance;
  }

  void server() {
    auto* parent = group("server", "Start, stop and inspect the server");
    auto* start = command(
        parent, "start", "Run the server until it is stopped",
        "  dispatch server start\n  dispatch server start --port 8001\n  dispatch server start --background",
        [this](Json& args) {
          args["database_wait"] = _values.databaseWait;
          args["quiet"] = _values.quiet;
          args["background"] = _values.background;
          if (!_values.host.empty()) _invocation.settings["DISPATCH_HOST"] = _values.host;
          if (_values.port >= 0) _invocation.settings["DISPATCH_PORT"] = std::to_string(_values.port);
        });
    start->add_option("--host", _values.host, "Address to listen on (DISPATCH_HOST)")->type_name("ADDRESS");
    start->add_option("--port", _values.port, "Port to listen on (DISPATCH_PORT); 0 = any free one")
        ->check(WholeNumber(0, 65535))
        ->type_name("PORT");
    start->add_option("--database-wait", _values.databaseWait, "Seconds to wait for PostgreSQL to answer")
        ->check(WholeNumber(0, 3600))
        ->type_name("SECONDS")
        ->default_str("30");
    start->add_flag("--quiet", _values.quiet, "Log to the file only, not to standard output");
    start->add_flag("--background", _values.background,
                    "Return once the server answers; it goes on in the background");
    command(parent, "stop", "Stop the running server and wait until it has ended", "  dispatch server stop");
    command(parent, "status", "Tell whether the server runs: exit code 0 if it does, 1 if not",
            "  dispatch server status --json");
    command(parent, "config", "Show every setting with its value and where it comes from; secrets are masked",
            "  dispatch server config");
    command(parent, "routes", "List the HTTP routes and who may use them", "  dispatch server routes --json");
  }

  void database() {
    auto* parent = group("database", "Prepare, back up and restore the database");
    command(parent, "init",
            "Make the tables, the default organization and project; again: brings them up to date",
            "  dispatch database init");
    command(parent, "upgrade", "Bring the tables up to date with this program",
            "  dispatch database upgrade");
    const auto file = [this](CLI::App* to, const char* text) {
      to->add_option("--dump-file", _values.file, text)
          ->type_name("FILE")
          ->default_str("dispatch-backup.dump");
    };
    const auto fill = [this](Json& args) {
      args["file"] = _values.file.empty() ? "dispatch-backup.dump" : _values.file;
      args["yes"] = _values.yes;
    };
    file(command(
             parent, "dump",
             "Write everything into a file (for its owner only: it holds password hashes and sealed secrets)",
             "  dispatch database dump --dump-file backup.dump\n  dispatch database dump --dump-file - | "
             "gzip > backup.dump.gz",
             fill),
         "File to write, - for standard output");
    file(command(parent, "restore", "Fill an empty database, SQLite or PostgreSQL, from such a file",
                 "  dispatch database restore --dump-file backup.dump\n  zcat backup.dump.gz | dispatch "
                 "database restore --dump-file -",
                 fill),
         "File to read, - for standard input");
    command(parent, "drop", "Remove everything from the database; asks first",
            "  dispatch database drop\n  dispatch database drop --yes", fill)
        ->add_flag("-y,--yes", _values.yes, "Do not ask");
  }

  void user() {
    auto* parent = group("user", "People who log in, and their roles");
    const auto organization = [this](CLI::App* to) {
      to->add_option("-o,--organization", _values.organization, "Slug of the organization")
          ->type_name("SLUG")
          ->default_str("default");
    };
    const auto email = [this](CLI::App* to) {
      to->add_option("email", _values.email, "E-mail address")->required()->type_name("EMAIL");
    };
    const auto role = [this](CLI::App* to) {
      to->add_option("-r,--role", _values.role, "Member, Admin, Manager or Owner")->type_name("ROLE");
    };
    const auto password = [this](CLI::App* to) {
      to->add_flag("--password-stdin", _values.passwordStdin,
                   "Read the password from standard input (one line)");
      to->add_option(
          "--password", _values.password,
          "The password; other users of this machine can see it while this runs: prefer --password-stdin");
    };
    const auto fill = [this](Json& args) {
      args = {{"email", _values.email}, {"organization", _values.organization}};
      if (!_values.role.empty()) args["role"] = _values.role;
    };
    const auto fillPassword = [this, fill](Json& args) {
      fill(args);
      args["password"] = _values.password;
      args["password_stdin"] = _values.passwordStdin;
    };
    auto* add = command(parent, "register", "Make an account; asks for the password",
                        "  dispatch user register --role Admin me@example.com", fillPassword);
    email(add), organization(add), role(add), password(add);
    auto* update = command(parent, "update", "Give a role, deactivate or activate; acts at once",
                           "  dispatch user update --role Admin --organization default me@example.com\n  "
                           "dispatch user update --deactivate me@example.com",
                           [this, fill](Json& args) {
                             fill(args);
                             if (_values.activate || _values.deactivate) args["active"] = _values.activate;
                             if (_values.role.empty() && !args.contains("active"))
                               throw CLI::ValidationError("user update",
                                                          "needs --role ROLE, --activate or --deactivate");
                           });
    email(update), organization(update), role(update);
    auto* on = update->add_flag("--activate", _values.activate, "Let them log in again");
    update->add_flag("--deactivate", _values.deactivate, "End their sessions and let them log in no more")
        ->excludes(on);
    auto* reset = command(parent, "reset", "Set a new password and end all sessions; asks for it",
                          "  dispatch user reset me@example.com", fillPassword);
    email(reset), password(reset);
    auto* link = command(parent, "login-link",
                         "Make a link that logs a person in, once: the way in when no auth provider runs",
                         "  dispatch user login-link me@example.com\n  dispatch user login-link --minutes 60 "
                         "--organization default me@example.com",
                         [this, fill](Json& args) {
                           fill(args);
                           args["minutes"] = _values.minutes;
                         });
    email(link), organization(link);
    link->add_option("--minutes", _values.minutes, "How long it is good")
        ->check(WholeNumber(1, 24 * 60))
        ->type_name("MINUTES")
        ->capture_default_str();
    auto* list =
        command(parent, "list", "List accounts and roles", "  dispatch user list --organization default",
                [this, list = &_values](Json& args) { args["organization"] = list->name; });
    list->add_option("-o,--organization", _values.name, "Members of this organization only")
        ->type_name("SLUG");
  }

  CLI::App* plugins() {
    auto* parent = group("plugins", "Installed plugins, and where they are enabled");
    auto* list = command(parent, "list", "List plugins with state, and the reason where one is not usable",
                         "  dispatch plugins list --project default", [this](Json& args) {
                           args = {{"organization", _values.name}, {"project", _values.project}};
                         });
    list->add_option("-p,--project", _values.project, "This project only")->type_name("NAME");
    list->add_option("-o,--organization", _values.name, "This organization only")->type_name("SLUG");
    const auto id = [this](CLI::App* to) {
      to->add_option("id", _values.id, "Id of the plugin, as plugins list shows it")
          ->required()
          ->type_name("ID");
    };
    id(command(parent, "show", "Everything about a plugin: settings, permissions, where it is enabled",
               "  dispatch plugins show smtp-email", [this](Json& args) { args["id"] = _values.id; }));
    for (const char* name : {"enable", "disable"}) {
      auto* made = command(parent, name,
                           name[0] == 'e' ? "Let a plugin serve a project; acts at once"
                                          : "Stop a plugin from serving a project; acts at once",
                           std::string("  dispatch plugins ") + name + " smtp-email --project default",
                           [this](Json& args) { fillPlace(args); });
      id(made), place(made);
    }
    auto* configure = command(parent, "configure", "Change settings of a plugin in a project; others stay",
                              "  dispatch plugins configure smtp-email host=mail.example.com "
                              "from_address=dispatch@example.com --enable\n"
                              "  printf '%s\\n' \"$TOKEN\" | dispatch plugins configure generic-workflow \\\n"
                              "    api_url=https://automation.example.com/runs --secret auth_header",
                              [this](Json& args) {
                                fillPlace(args);
                                args["set"] = assignments(_values.assignments);
                                args["secrets"] = _values.secrets;
                                args["unset"] = _values.unset;
                                if (_values.enable) args["enabled"] = true;
                              });
    id(configure), place(configure);
    configure->add_option("settings", _values.assignments, "setting=value; lists with commas")
        ->type_name("SETTING=VALUE");
    configure
        ->add_option("--secret", _values.secrets,
                     "A secret setting: asked for, or read from standard input, one line each")
        ->type_name("SETTING")
        ->allow_extra_args(false);  // the settings behind it are none of its values
    configure->add_option("--unset", _values.unset, "A setting to clear")
        ->type_name("SETTING")
        ->allow_extra_args(false);
    configure->add_flag("--enable", _values.enable, "Enable it as well");
    id(reload(parent));
    id(command(parent, "promote", "Let a version that is being tried take over now",
               "  dispatch plugins promote acme-jira", [this](Json& args) { args["id"] = _values.id; }));
    id(command(parent, "rollback", "End the trial of a version; the one before goes on",
               "  dispatch plugins rollback acme-jira", [this](Json& args) { args["id"] = _values.id; }));
    auto* rotate =
        command(parent, "rotate-webhook",
                "Give a plugin another address for other systems; the former one is unknown at once",
                "  dispatch plugins rotate-webhook alertmanager --project default", [this](Json& args) {
                  fillPlace(args);
                  args["yes"] = _values.yes;
                });
    id(rotate), place(rotate);
    rotate->add_flag("-y,--yes", _values.yes, "Do not ask");
    auto* deliveries =
        command(parent, "deliveries", "List the last requests of other systems to a plugin",
                "  dispatch plugins deliveries alertmanager", [this](Json& args) { fillPlace(args); });
    id(deliveries), place(deliveries);
    auto* poll = command(
        parent, "poll", "Ask a plugin that looks outside by itself what came, now",
        "  dispatch plugins poll acme-feed\n"
        "  dispatch plugins poll acme-feed --start-over   # from its beginning; nothing is told twice",
        [this](Json& args) {
          fillPlace(args);
          args["start_over"] = _values.startOver;
        });
    id(poll), place(poll);
    poll->add_flag("--start-over", _values.startOver, "Forget how far it has come");
    auto* redeliver =
        command(parent, "redeliver", "Bring a request that waits or has failed to its plugin now",
                "  dispatch plugins redeliver alertmanager 17", [this](Json& args) {
                  fillPlace(args);
                  args["delivery"] = _values.delivery;
                });
    id(redeliver), place(redeliver);
    redeliver->add_option("delivery", _values.delivery, "Its number, as plugins deliveries shows it")
        ->required()
        ->type_name("NUMBER");
    auto* test = command(parent, "test", "Try the stored configuration: exit code 0 if it works",
                         "  dispatch plugins test smtp-email recipient=me@example.com", [this](Json& args) {
                           fillPlace(args);
                           args["set"] = assignments(_values.assignments);
                         });
    id(test), place(test);
    test->add_option("input", _values.assignments, "What the test may use, e.g. recipient=me@example.com")
        ->type_name("NAME=VALUE");
    return parent;
  }

  CLI::App* reload(CLI::App* parent) {
    auto* made = command(
        parent, "reload", "Take a newly installed version into use without a restart, or try it first",
        "  dispatch plugins install ./acme-jira-1.3.0 && dispatch plugins reload acme-jira\n"
        "  dispatch plugins reload acme-jira --canary 10 --for 30m   # it takes over if it does no worse\n"
        "  dispatch plugins reload acme-jira --shadow --for 2h       # then: plugins show",
        [this](Json& args) {
          args["id"] = _values.id;
          if (_values.canary > 0 || _values.shadow)
            args["trial"] = {{"share", _values.canary},
                             {"shadow", _values.shadow},
                             {"seconds", secondsOf(_values.lasts.empty() ? "10m" : _values.lasts).value()}};
          else if (!_values.lasts.empty())
            throw CLI::ValidationError("plugins reload", "--for needs --canary PERCENT or --shadow");
        });
    made->add_option(
            "--canary", _values.canary,
            "Give it so many percent of the calls at first; it is taken back as soon as it does worse")
        ->check(WholeNumber(1, 99))
        ->type_name("PERCENT");
    made->add_flag(
        "--shadow", _values.shadow,
        "Repeat calls that only read on it and compare the answers; alone it answers nobody and does "
        "not take over");
    made->add_option("--for", _values.lasts, "How long it is tried")
        ->check(Duration(5, 24 * 3600, "from 5 seconds to 24 hours"))
        ->type_name("DURATION")
        ->default_str("10m");
    return made;
  }

  /// Packages on the disk: what they are, which of them is used.
  void packages(CLI::App* parent) {
    const auto path = [this](CLI::App* to) {
      to->add_option("path", _values.path, "Directory of the package: the one with plugin.json")
          ->required()
          ->type_name("PATH");
    };
    const auto fillPath = [this](Json& args) { args["path"] = _values.path; };
    path(command(parent, "verify",
                 "Check a package as the server would, and show every check: exit code 0 if it may run here",
                 "  dispatch plugins verify ./acme-jira\n  dispatch plugins verify ./acme-jira --json",
                 fillPath));
    path(command(parent, "install",
                 "Verify a package and copy it to where the server finds it, beside other versions of it",
                 "  dispatch plugins install ./acme-jira   # then: plugins reload, plugins enable",
                 fillPath));
    const auto fill = [this](Json& args) {
      args = {{"id", _values.id}, {"version", _values.version}, {"force", _values.force}};
    };
    const auto id = [this](CLI::App* to) {
      to->add_option("id", _values.id, "Id of the plugin, as plugins list shows it")
          ->required()
          ->type_name("ID");
    };
    auto* remove = command(parent, "remove", "Take an installed package away; refused while it is enabled",
                           "  dispatch plugins remove acme-jira --version 1.2.0", fill);
    id(remove);
    remove->add_option("--version", _values.version, "This version; needed where there are several")
        ->type_name("VERSION");
    remove->add_flag("--force", _values.force, "Even while it is enabled: it fails from the next start on");
    auto* pin = command(
        parent, "pin",
        "Use this version and no other, from the next reload or start on; also what allows to go back to "
        "an older version than served before",
        "  dispatch plugins pin acme-jira 1.2.0", fill);
    id(pin);
    pin->add_option("version", _values.version, "Version, as plugins list shows it")
        ->required()
        ->type_name("VERSION");
    id(command(parent, "unpin", "Use the highest version again, from the next reload or start on",
               "  dispatch plugins unpin acme-jira", fill));
    auto* quarantine =
        group(parent, "quarantine", "Packages that are kept from running because they crashed");
    command(quarantine, "list", "List them, with since when and why", "  dispatch plugins quarantine list");
    command(quarantine, "release", "Let a package run again, at once",
            "  dispatch plugins quarantine release DIGEST",
            [this](Json& args) { args["digest"] = _values.id; })
        ->add_option("digest", _values.id, "Digest of the package, as the list shows it")
        ->required()
        ->type_name("DIGEST");
  }

  /// Whose packages may run.
  void trust(CLI::App* plugins) {
    auto* parent = group(plugins, "trust", "Keys whose signature lets a plugin run");
    command(parent, "list", "List the keys, what they may sign and until when",
            "  dispatch plugins trust list");
    auto* add =
        command(parent, "add", "Trust a key, or change what it may sign and until when; counts at once",
                "  dispatch plugins trust add acme.pub --name Acme --ids 'acme-*' --not-after 2028-01-01\n"
                "  dispatch plugins trust add RWQ… --name Acme --ids acme-jira,acme-mail",
                [this](Json& args) {
                  args = {{"key", _values.path},
                          {"name", _values.name},
                          {"ids", _values.ids},
                          {"not_before", _values.notBefore},
                          {"not_after", _values.notAfter}};
                });
    add->add_option("key", _values.path, "Public key of minisign: its file, or the line that starts with RW")
        ->required()
        ->type_name("KEY|FILE");
    add->add_option("--name", _values.name, "Whose key it is")->required()->type_name("NAME");
    add->add_option("--ids", _values.ids, "Ids of plugins that it may sign; acme-* for all that begin so")
        ->required()
        ->delimiter(',')
        ->type_name("PATTERN[,…]");
    add->add_option("--not-before", _values.notBefore, "Trusted from this instant or day on")
        ->type_name("DATE");
    add->add_option("--not-after", _values.notAfter, "Trusted until this instant or day")->type_name("DATE");
    const auto which = [this](CLI::App* to, const char* text) {
      to->add_option("key", _values.id, text)->required()->type_name("KEY");
    };
    const auto fill = [this](Json& args) { args = {{"key", _values.id}, {"reason", _values.reason}}; };
    which(command(parent, "remove", "Trust a key no more, and forget it; counts at once",
                  "  dispatch plugins trust remove Acme", fill),
          "Name or id of the key, as trust list shows it");
    auto* revoke = command(
        parent, "revoke",
        "Refuse whatever a key signed, or one package by its digest; counts at once for all that is started "
        "from now on",
        "  dispatch plugins trust revoke Acme --reason 'its laptop was stolen'\n"
        "  dispatch plugins trust revoke DIGEST --reason 'leaks tokens'",
        fill);
    which(revoke, "Name or id of the key, or digest of a package as plugins show tells it");
    revoke->add_option("--reason", _values.reason, "Why; shown wherever it is refused")
        ->required()
        ->type_name("WHY");
  }

  void secret() {
    auto* parent = group("secret", "Keys, and secrets in settings");
    command(parent, "generate", "Print a random secret for DISPATCH_ENCRYPTION_KEY or DISPATCH_JWT_SECRET",
            "  dispatch secret generate");
    command(parent, "keygen", "Print a key for the secret provider sodium (DISPATCH_PLUGIN_SODIUM_KEY)",
            "  (umask 077; dispatch secret keygen > /etc/dispatch.key)   # then "
            "DISPATCH_PLUGIN_SODIUM_KEY_FILE=/etc/dispatch.key");
    auto* encrypt = command(
        parent, "encrypt", "Encrypt a value for one setting: asks for it, prints what goes into the file",
        "  dispatch secret encrypt DATABASE_CREDENTIALS\n  dispatch secret encrypt --provider sodium "
        "DISPATCH_PLUGIN_SMTP_EMAIL_PASSWORD",
        [this](Json& args) {
          args = {
              {"name", _values.secretName}, {"provider", _values.provider}, {"stdin", _values.passwordStdin}};
        });
    encrypt
        ->add_option("name", _values.secretName, "The setting that it is for; it opens under no other name")
        ->required()
        ->type_name("NAME");
    encrypt
        ->add_option("--provider", _values.provider,
                     "Secret provider (default: SECRET_PROVIDER, else sodium)")
        ->type_name("ID");
    encrypt->add_flag("--stdin", _values.passwordStdin, "Read the value from standard input (one line)");
    command(parent, "doctor", "Check that every secret setting is there and can be decrypted; shows none",
            "  dispatch secret doctor");
  }

  void scheduler() {
    auto* parent = group("scheduler", "Jobs that run by the clock");
    command(parent, "list", "List the jobs, when they ran last and how it went", "  dispatch scheduler list");
    command(parent, "run", "Run a job now", "  dispatch scheduler run session-cleanup",
            [this](Json& args) { args["name"] = _values.name; })
        ->add_option("name", _values.name, "Name of the job")
        ->required()
        ->type_name("NAME");
  }

  void other() {
    auto* flow = group("flow", "What happens when an incident is reported or changes");
    command(flow, "show", "Show the steps of a flow, or list the flows",
            "  dispatch flow show incident.create", [this](Json& args) { args["kind"] = _values.kind; })
        ->add_option("kind", _values.kind, "Name of the flow")
        ->type_name("KIND");
    auto* demo = group("demo", "Example data");
    command(demo, "load",
            "Fill the default organization with people, services, types and incidents to look at; again: "
            "adds nothing",
            "  dispatch demo load");
  }

  Values& _values;
  Invocation& _invocation;
  CLI::App _app;
};

std::vector<std::string> namesBelow(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  return names;
}

/// The first word that should name a command and does not, with what was probably meant; empty if all do.
std::string unknownWord(const CLI::App& root, int argc, char** argv) {
  const CLI::App* app = &root;
  std::string path = "dispatch";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--config") ++i;
    if (word.starts_with("-")) continue;
    const auto names = namesBelow(*app);
    if (names.empty()) return "";
    if (std::find(names.begin(), names.end(), word) == names.end()) {
      std::string known;
      for (const auto& name : names) known += (known.empty() ? "" : ", ") + name;
      const auto meant = config::nearestName(word, names);
      return "there is no command \"" + path + " " + word + "\"" +
             (meant ? "; did you mean \"" + path + " " + *meant + "\"?" : ".") + " There are: " + known;
    }
    app = app->get_subcommand(word);
    path += " " + word;
  }
  return "";
}

/// The deepest command that was named.
const CLI::App* leafOf(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

std::string meantOption(const CLI::App& root, const CLI::ParseError& error) {
  const std::string message = error.what();
  std::vector<std::string> names;
  for (const CLI::App* app : {leafOf(root), &root})
    for (const auto* option : app->get_options())
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  // Only a name that is not known can be a misspelt one; a value that does not fit has its option right.
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return "";
  const auto begin = message.find("--");
  if (begin == std::string::npos) return "";
  auto word = message.substr(begin, message.find_first_of(" ,=", begin) - begin);
  const auto meant = config::nearestName(word, names);
  return meant ? "; did you mean " + *meant + "?" : "";
}

}  // namespace

Invocation readCommandLine(int argc, char** argv, std::optional<int>& exitCode) {
  Values values;
  Invocation invocation;
  Grammar grammar(values, invocation);
  CLI::App& app = grammar.app();
  const auto unknown = unknownWord(app, argc, argv);
  if (!unknown.empty()) {
    std::cerr << "dispatch: " << unknown << "\n";
    exitCode = 2;
    return invocation;
  }
  try {
    app.parse(argc, argv);
    if (!values.config.empty()) invocation.configDirectory = values.config;
    invocation.json = values.json;
  } catch (const CLI::CallForVersion& called) {
    const bool json =
        std::any_of(argv + 1, argv + argc, [](const char* word) { return std::string(word) == "--json"; });
    std::cout << (json ? dumpJson({{"name", "dispatch"}, {"version", version()}}) : called.what()) << "\n";
    exitCode = 0;
  } catch (const CLI::Success& help) {
    app.exit(help);
    exitCode = 0;
  } catch (const CLI::ParseError& error) {
    const auto* leaf = leafOf(app);
    std::string message = error.what();
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !namesBelow(*leaf).empty()) {
      std::cerr << leaf->help("", CLI::AppFormatMode::Normal);
    } else {
      std::cerr << "dispatch: " << message << meantOption(app, error) << "\n";
      std::string path;
      for (const auto* up = leaf; up != nullptr; up = up->get_parent())
        path = up->get_name() + (path.empty() ? "" : " ") + path;
      std::cerr << "Run with --help for what there is: " << path << " --help\n";
    }
    exitCode = 2;
  }
  return invocation;
}

}  // namespace dispatch::cli
