#include "cli/server.hpp"

#include "base/base.hpp"
#include "cli/commands.hpp"
#include "cli/control_socket.hpp"
#include "cli/crash_report.hpp"
#include "cli/logging.hpp"
#include "cli/package_watch.hpp"
#include "cli/process.hpp"
#include "cli/rooms.hpp"
#include "cli/scheduler.hpp"
#include "cli/stray_ids.hpp"
#include "http/http.hpp"

#include <Poco/Logger.h>
#include <Poco/Util/ServerApplication.h>
#include <Poco/Util/Subsystem.h>
#include <sysexits.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <functional>

namespace dispatch::cli {

namespace {

Poco::Logger& log() { return Poco::Logger::get("dispatch.server"); }

/// A named step of the start, and its reverse.
class Stage final : public Poco::Util::Subsystem {
 public:
  using Failed = std::function<void(std::exception_ptr)>;
  Stage(std::string name, std::function<void()> up, std::function<void()> down, Failed failed)
      : _name(std::move(name)), _up(std::move(up)), _down(std::move(down)), _failed(std::move(failed)) {}
  const char* name() const override { return _name.c_str(); }

 protected:
  void initialize(Poco::Util::Application&) override {
    log().debug("Starting: %s", _name);
    try {
      _up();
    } catch (...) {
      _failed(std::current_exception());
      throw;
    }
  }
  void uninitialize() override {
    if (_down) _down();
  }

 private:
  std::string _name;
  std::function<void()> _up, _down;
  Failed _failed;
};

class Server final : public Poco::Util::ServerApplication {
 public:
  Server(Installation& installation, const ServerOptions& options)
      : _installation(installation), _options(options), _hostId(randomUuid()), _started(now()) {
    // Poco turns faults into exceptions thrown through signal frames; a fault here shall end the process
    // where it is.
    for (const int fault : {SIGILL, SIGBUS, SIGSEGV, SIGSYS}) std::signal(fault, SIG_DFL);
    const auto stage = [this](const char* name, void (Server::*up)(), void (Server::*down)()) {
      addSubsystem(new Stage(
          name, [this, up] { (this->*up)(); },
          down ? std::function<void()>([this, down] { (this->*down)(); }) : std::function<void()>(),
          [this](std::exception_ptr failure) { keepFailure(std::move(failure)); }));
    };
    stage("data directory", &Server::holdData, &Server::releaseData);
    stage("crash records", &Server::tellOfCrashes, nullptr);
    stage("secrets", &Server::resolveSecrets, nullptr);
    stage("database", &Server::openDatabase, nullptr);
    stage("plugins", &Server::startPlugins, &Server::stopPlugins);
    stage("flows", &Server::startFlows, &Server::stopFlows);
    stage("http", &Server::startHttp, &Server::stopHttp);
    stage("scheduler", &Server::startScheduler, &Server::stopScheduler);
    stage("package watch", &Server::startPackageWatch, &Server::stopPackageWatch);
    stage("control", &Server::startControl, &Server::stopControl);
  }

  /// Why the start failed; null if it did not. Poco logs it and keeps it to itself.
  std::exception_ptr failure() const { return _failure; }

  ~Server() override {
    // After a start that failed half-way; nothing to do otherwise.
    stopControl();
    stopPackageWatch();
    stopScheduler();
    stopHttp();
    stopFlows();
    stopPlugins();
    releaseData();
  }

 protected:
  int main(const std::vector<std::string>&) override {
    waitForTerminationRequest();
    log().information("Stopping");
    return EXIT_OK;
  }

 private:
  const config::Settings& settings() const { return _installation.settings(); }

  void keepFailure(std::exception_ptr failure) {
    _failure = std::move(failure);
    try {
      std::rethrow_exception(_failure);
    } catch (const Problem& problem) {
      // The first one is logged by Poco.
      for (const auto& other : problem.others()) log().error("%s", std::string(other.what()));
    } catch (...) {
      return;
    }
  }

  void holdData() {
    needWritableDirectory(settings().paths().run, "the control socket (DISPATCH_RUN_DIR)");
    if (!settings().has("DATABASE_HOSTNAME")) {
      needWritableDirectory(settings().paths().var, "the SQLite database (DISPATCH_DATA_DIR, " +
                                                        settings().origin("DISPATCH_DATA_DIR").source + ")");
      _lock = std::make_unique<DataLock>(settings().paths().var, 2);
    }
    _pid = std::make_unique<PidFile>(settings().paths().run + "/dispatch.pid");
  }
  void releaseData() {
    _pid.reset();
    _lock.reset();
  }

  /// Before any plugin gets to work: the one that crashed may do so again.
  void tellOfCrashes() { reportCrashes(_installation); }

  void resolveSecrets() {
    for (const auto& warning : settings().warnings()) log().warning("%s", warning);
    for (const auto& warning : strayIds(settings())) log().warning("%s", warning);
    _installation.envelope();
  }

  void openDatabase() {
    _installation.openDatabase(_options.databaseWait);
    auto& database = _installation.databaseOfAnySchema();
    store::upgrade(database);  // says in the log what it applied
    store::ensureDefaults(database);
    log().information("Database: %s, durability %s",
                      std::string(database.dialect() == store::Dialect::sqlite
                                      ? "SQLite in " + settings().paths().var
                                      : "PostgreSQL at " + settings().text("DATABASE_HOSTNAME")),
                      database.durability());
  }

  void startPlugins() {
    for (const auto& package : _installation.catalog().list())
      if (!package.usable && !package.notUsed)
        log().warning("Plugin %s is not usable: %s", package.name(), package.reason);
    _integrations = &_installation.integrations();
  }
  void stopPlugins() {
    if (auto* integrations = std::exchange(_integrations, nullptr)) integrations->stop();
  }

  void startFlows() {
    _rooms = std::make_unique<Rooms>(_installation);
    _rooms->engine().run();
    _flowing = true;
    _rooms->inbox().run();
    _rooms->poller().run();
  }
  void stopFlows() {
    if (_flowing) _rooms->poller().stop();
    if (_flowing) _rooms->inbox().stop();
    if (std::exchange(_flowing, false)) _rooms->engine().stop(std::chrono::seconds(10));
  }

  void startHttp() {
    http::Options options;
    const std::string host = settings().text("DISPATCH_HOST");
    const auto port = settings().integer("DISPATCH_PORT");
    options.addresses = {(host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
                         std::to_string(port)};
    options.workers = static_cast<std::size_t>(settings().integer("DISPATCH_HTTP_THREADS"));
    options.maxBodyBytes = static_cast<std::uint64_t>(settings().integer("DISPATCH_MAX_BODY_BYTES"));
    options.bodyLimit = [most = options.maxBodyBytes](std::string_view, std::string_view path) {
      return api::bodyLimit(path, most);
    };
    options.loggable = api::loggable;
    options.onAccess = [&logger = Poco::Logger::get("dispatch.http")](const http::Access& access) {
      if (!logger.debug()) return;
      // The query stays out of the log: it may hold what a person searched for, or a token.
      const std::string path = api::loggable(access.target.substr(0, access.target.find('?')));
      logger.debug("%s %s %s -> %s in %s us", std::string(access.client), std::string(access.method), path,
                   std::to_string(access.status), std::to_string(access.took.count()));
    };
    _http = std::make_unique<http::Server>(options, _rooms->api().handlers());
    try {
      _http->start();
    } catch (const Problem& problem) {
      _http.reset();
      if (problem.kind() != Problem::Kind::conflict) throw;
      throw Problem(Problem::Kind::conflict, "Port " + std::to_string(port) + " on " + host +
                                                 " is in use by " + whoListensOn(static_cast<int>(port)) +
                                                 ". Stop that, or choose another port: dispatch server start "
                                                 "--port NUMBER, or DISPATCH_PORT in " +
                                                 settings().paths().etc + "/.env (now from: " +
                                                 settings().origin("DISPATCH_PORT").source + ")");
    }
    _rooms->api().connect(*_http);
  }
  void stopHttp() {
    if (!_http) return;
    _rooms->api().disconnect();
    _http->stop();
    _http.reset();
  }

  void startScheduler() { _scheduler = std::make_unique<Scheduler>(_installation.database(), _hostId); }
  void stopScheduler() { _scheduler.reset(); }

  void startPackageWatch() {
    if (settings().text("DISPATCH_RELOAD_PLUGINS") == "automatic")
      _packageWatch = std::make_unique<PackageWatch>(_installation.pluginDirectories(),
                                                     [this](const std::string& id) { takeIntoUse(id); });
  }
  void stopPackageWatch() { _packageWatch.reset(); }

  void takeIntoUse(const std::string& id) noexcept {
    try {
      const auto reloaded = _integrations->reload(id, "the server, for its package has changed");
      log().information("Plugin %s: version %s is in use, for its package has changed", id,
                        textOr(reloaded, "version"));
      for (const auto& instance : reloaded.at("instances"))
        if (const auto reason = textOr(instance, "reason"); !reason.empty())
          log().warning("Plugin %s in project %s goes on as it was: %s", id, textOr(instance, "project"),
                        reason);
    } catch (const std::exception& problem) {
      log().warning("The package of plugin %s has changed and is not taken into use: %s", id,
                    std::string(problem.what()));
    }
  }

  void startControl() {
    _control = std::make_unique<ControlSocket>(
        controlSocketPath(settings()),
        [this](const std::string& command, const Json& args) { return answer(command, args); });
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now() - _started).count();
    log().information("Dispatch %s is ready on http://%s after %s ms", version(),
                      _http->addresses().front().toString(), std::to_string(took));
  }
  void stopControl() { _control.reset(); }

  Json answer(const std::string& command, const Json& args) {
    if (command == "server.status") return status();
    if (command == "server.stop") {
      log().information("Asked to stop by %s", textOr(args, "actor", "somebody"));
      terminate();
      return {{"stopping", true}, {"pid", ::getpid()}};
    }
    if (command != "user.list" && command != "plugins.list" && command != "scheduler.list")
      log().information("%s by %s", command, textOr(args, "actor", "somebody"));
    CommandContext context{_installation, [this]() -> Rooms& { return *_rooms; }, _hostId};
    return runCommand(context, command, args);
  }

  Json status() {
    Json plugins = Json::object();
    std::string databaseState = "ok";
    // Whoever asks while the database is away wants to know just that.
    try {
      for (const auto& row : _installation.database().session()->query("SELECT id FROM organization"))
        for (const auto& enablement : _integrations->list(row.integer("id"), std::nullopt)) {
          if (!enablement.enabled) continue;
          plugins[enablement.state] = plugins.value(enablement.state, 0) + 1;
        }
    } catch (const std::exception& error) {
      plugins = nullptr;
      databaseState = std::string("unavailable: ") + error.what();
    }
    const auto metrics = _http->metrics();
    return {
        {"running", true},
        {"pid", ::getpid()},
        {"version", version()},
        {"address", _http->addresses().front().toString()},
        {"url", settings().text("DISPATCH_UI_URL")},
        {"started_at", toText(_started)},
        {"user", userName(::geteuid())},
        {"database", _installation.database().dialect() == store::Dialect::sqlite ? "sqlite" : "postgresql"},
        {"database_state", databaseState},
        {"plugins", plugins},
        {"connections", metrics.connections},
        {"streams", metrics.streams},
        {"requests", metrics.requests}};
  }

  Installation& _installation;
  ServerOptions _options;
  std::string _hostId;
  Instant _started;
  std::exception_ptr _failure;
  std::unique_ptr<DataLock> _lock;
  std::unique_ptr<PidFile> _pid;
  integrations::Integrations* _integrations = nullptr;
  std::unique_ptr<Rooms> _rooms;
  bool _flowing = false;
  std::unique_ptr<http::Server> _http;
  std::unique_ptr<Scheduler> _scheduler;
  std::unique_ptr<PackageWatch> _packageWatch;
  std::unique_ptr<ControlSocket> _control;
};

}  // namespace

std::string controlSocketPath(const config::Settings& settings) {
  return settings.paths().run + "/control.sock";
}

int runServer(Installation& installation, const ServerOptions& options) {
  hardenProcess();
  config::Settings::forgetEnvironment();
  // Threads inherit this: only the main thread takes these signals, where it waits for them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  Poco::AutoPtr<Server> server(new Server(installation, options));
  logToFile(installation.settings(), options.quiet);
  std::string name = "dispatch";
  char* arguments[] = {name.data(), nullptr};
  int code = EX_CONFIG;
  try {
    // Not run(argc, argv), which keeps the reason of a failed start to itself.
    Poco::Util::Application& application = *server;
    application.init(1, arguments);
    code = application.run();
  } catch (const std::exception& error) {
    log().fatal("The server could not start: %s", std::string(error.what()));
    throw;
  }
  // The log of a foreground server has shown it on standard output.
  if (server->failure() && options.quiet) std::rethrow_exception(server->failure());
  return code;
}

}  // namespace dispatch::cli
