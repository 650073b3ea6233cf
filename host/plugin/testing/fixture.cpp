#include "plugin/testing/fixture.hpp"

#include "base/problem.hpp"
#include "base/random.hpp"

#include <Poco/AutoPtr.h>
#include <Poco/Channel.h>
#include <Poco/Logger.h>
#include <Poco/Message.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace dispatch::plugin::testing {

TemporaryDirectory::TemporaryDirectory() {
  auto pattern = (std::filesystem::temp_directory_path() / "dispatch-plugin-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  _path = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  std::filesystem::remove_all(_path, error);
}

std::string readFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + path);
  return text.str();
}

void writeFile(const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream file(path, std::ios::binary);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

std::string testLibrary(const std::string& name) {
  return readFile(DISPATCH_TEST_LIBRARIES "/lib" + name + ".so");
}

Json manifestSchema() { return Json::parse(readFile(DISPATCH_CONTRACTS "/plugin.schema.json")); }

const minisign::SecretKey& fixtureKey() {
  static const auto key = minisign::generate();
  return key;
}

std::shared_ptr<TrustPolicy> trustFixtures() {
  auto policy = std::make_shared<TrustPolicy>();
  policy->store = TrustStore::load(DISPATCH_TEST_TRUST, "");
  TrustedKey key;
  key.name = "Fixtures";
  key.key = fixtureKey().publicKey();
  key.ids = {"*"};
  key.file = "fixture.cpp";
  policy->store.add(std::move(key));
  return policy;
}

PackageFiles::PackageFiles(const std::string& library, const std::string& id) {
  files["lib" + id + ".so"] = testLibrary(library);
  files["LICENSE"] = "Apache-2.0\n";
  manifest = Json{{"id", id},
                  {"title", "Test plugin"},
                  {"description", "For the tests of the plugin host"},
                  {"version", "1.0.0"},
                  {"type", "ticket"},
                  {"abi", "1"},
                  {"author", "Dispatch"},
                  {"license", "Apache-2.0"},
                  {"library", "lib" + id + ".so"},
                  {"configuration", {{"type", "object"}, {"properties", Json::object()}}}};
  hash();
}

PackageFiles& PackageFiles::hash() {
  manifest["files"] = Json::object();
  for (const auto& [name, bytes] : files) manifest["files"][name] = digestHex(bytes);
  return *this;
}

std::string PackageFiles::manifestText() const { return text.empty() ? manifest.dump() : text; }

void PackageFiles::write(const std::string& directory) const {
  std::filesystem::remove_all(directory);
  for (const auto& [name, bytes] : files) writeFile(directory + '/' + name, bytes);
  writeFile(directory + "/plugin.json", manifestText());
  if (isSigned && files.count("plugin.json.minisig") == 0)
    writeFile(directory + "/plugin.json.minisig",
              minisign::sign(fixtureKey(), manifestText(),
                             packageMark(textOr(manifest, "id"), textOr(manifest, "version"))));
}

int endOfChild(const std::function<void()>& work) {
  const auto child = ::fork();
  if (child == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    try {
      work();
    } catch (...) {
      ::_exit(99);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

std::optional<std::string> FakeOutside::kvGet(const Scope& scope, const std::string& key) {
  const std::lock_guard lock(_mutex);
  const auto found = _kv.find({scope.instanceId, key});
  return found == _kv.end() ? std::nullopt : std::optional(found->second);
}

void FakeOutside::kvPut(const Scope& scope, const std::string& key, const std::string& value) {
  const std::lock_guard lock(_mutex);
  _kv[{scope.instanceId, key}] = value;
}

void FakeOutside::kvRemove(const Scope& scope, const std::string& key) {
  const std::lock_guard lock(_mutex);
  _kv.erase({scope.instanceId, key});
}

std::vector<std::string> FakeOutside::kvList(const Scope& scope, const std::string& prefix) {
  const std::lock_guard lock(_mutex);
  std::vector<std::string> keys;
  for (const auto& entry : _kv)
    if (entry.first.first == scope.instanceId && entry.first.second.starts_with(prefix))
      keys.push_back(entry.first.second);
  return keys;
}

Json FakeOutside::directory(const Scope&, const std::string& what, const Json& query) {
  if (query.contains("forbidden")) throw Problem(Problem::Kind::forbidden, "not for this project");
  return Json::array({{{"what", what}, {"query", query}}});
}

Outside::Verdict FakeOutside::verifyCredential(const std::string&, std::string_view password) {
  return password == "right" ? Verdict::right : Verdict::wrong;
}
void FakeOutside::createCredential(const std::string&, std::string_view) {}
void FakeOutside::replaceCredential(const std::string&, std::string_view) {}

Json FakeOutside::submitEvent(const Scope&, const Event& event) {
  const std::lock_guard lock(_mutex);
  _events.push_back(event);
  return {{"id", std::to_string(_events.size())}, {"duplicate", false}};
}

std::vector<Event> FakeOutside::events() {
  const std::lock_guard lock(_mutex);
  return _events;
}

void FakeOutside::recordAudit(const Scope&, const std::string& action, const std::string& subject,
                              const Json& details) {
  const std::lock_guard lock(_mutex);
  _audited.push_back(action + ' ' + subject + ' ' + details.dump());
}

void FakeOutside::audit(const Scope&, const std::string& what, const Json& details) {
  const std::lock_guard lock(_mutex);
  _audited.push_back(what + ' ' + details.dump());
}

std::vector<std::string> FakeOutside::audited() {
  const std::lock_guard lock(_mutex);
  return _audited;
}

bool inWorker() {
  const char* home = std::getenv("DISPATCH_TEST_HOME");
  return home != nullptr && std::string_view(home) == "worker";
}

ProbeTest::ProbeTest() {
  // The contract of the test: every method takes an object and answers {"ok": true or false, …}.
  Json methods = Json::object();
  for (const char* name : {"echo",
                           "hang",
                           "pushed",
                           "sleep",
                           "slow",
                           "pending",
                           "twice",
                           "at_once",
                           "pending_told",
                           "count",
                           "invalid_json",
                           "key",
                           "config",
                           "log",
                           "no_answer",
                           "huge_length",
                           "null_with_length",
                           "foreign_memory",
                           "alloc",
                           "credential",
                           "directory",
                           "unknown_status",
                           "silent",
                           "positive_status",
                           "busy",
                           "crash",
                           "http",
                           "stream",
                           "crypto",
                           "kv",
                           "future_effect",
                           "breaks_contract",
                           "breaks_contract_once",
                           "nothing",
                           "http_pieces",
                           "metric",
                           "exec",
                           "audit"})
    methods[name] = {
        {"revision", 1},
        {"effect", "read"},
        {"input", {{"type", "object"}, {"properties", {{"ms", {{"type", "string"}}}}}}},
        {"output",
         {{"type", "object"}, {"required", {"ok"}}, {"properties", {{"ok", {{"type", "boolean"}}}}}}}};
  options.contractsDirectory = directory / "contracts";
  options.searchPath = {directory / "plugins"};
  if (inWorker()) {
    options.workerProgram = DISPATCH_WORKER_PROGRAM;
    options.isolation["*"] = "worker";
  }
  options.trust = [policy = trustFixtures()] { return policy; };
  writeFile(directory / "contracts/plugin.schema.json", manifestSchema().dump());
  writeFile(directory / "contracts/ticket.json", Json{{"type", "ticket"}, {"methods", methods}}.dump());
  writeFile(directory / "contracts/auth-provider.json",
            Json{{"type", "auth-provider"}, {"methods", Json::object()}}.dump());
  probe.manifest["max_concurrency"] = 4;
  probe.manifest["timeout_ms"] = 5000;
  probe.manifest["configuration"] = Json{
      {"type", "object"},
      {"additionalProperties", false},
      {"properties",
       {{"mode", {{"type", "string"}}},
        {"url", {{"type", "string"}}},
        {"host", {{"type", "string"}}},
        {"port", {{"type", "integer"}}},
        {"token",
         {{"type", "string"}, {"format", "password"}, {"x-dispatch-secret", true}, {"writeOnly", true}}}}}};
}

Catalog& ProbeTest::catalog() {
  probe.write(directory / "plugins/probe");
  opened.reset();
  opened = Catalog::open(options, outside);
  return *opened;
}

std::shared_ptr<Instance> ProbeTest::create(const Json& configuration, const std::string& id) {
  auto& from = opened ? *opened : catalog();
  const auto installed = from.find(id);
  if (!installed || !installed->usable)
    throw std::runtime_error(id + ": " + (installed ? installed->reason : "absent"));
  Scope scope;
  scope.instanceId = 7;
  return from.create(id, scope, makeConfiguration(installed->manifest.configurationSchema, configuration, 1));
}

std::shared_ptr<Instance> ProbeTest::started(const Json& configuration, const std::string& id) {
  auto instance = create(configuration, id);
  const auto outcome = instance->start();
  if (!outcome.ok()) throw std::runtime_error(outcome.message);
  return instance;
}

class LogCapture::Channel : public Poco::Channel {
 public:
  /// After the last line: Poco's loggers let go of a channel without waiting for those who write to it.
  ~Channel() override { const std::lock_guard lock(_mutex); }
  void log(const Poco::Message& message) override {
    const std::lock_guard lock(_mutex);
    _text += message.getSource() + ": " + message.getText() + '\n';
  }
  std::string text() const {
    const std::lock_guard lock(_mutex);
    return _text;
  }

 private:
  mutable std::mutex _mutex;
  std::string _text;
};

LogCapture::LogCapture() : _channel(new Channel) {
  // setChannel reaches the loggers that exist; those made later inherit from this one.
  Poco::Logger::get("dispatch");
  Poco::Logger::setChannel("dispatch", Poco::Channel::Ptr(_channel, true));
  Poco::Logger::setLevel("dispatch", Poco::Message::PRIO_INFORMATION);
}

LogCapture::~LogCapture() {
  Poco::Logger::setChannel("dispatch", Poco::Channel::Ptr());
  _channel->release();
}

std::string LogCapture::text() const { return _channel->text(); }

std::size_t LogCapture::count(const std::string& part) const {
  const auto all = text();
  std::size_t found = 0;
  for (auto at = all.find(part); at != std::string::npos; at = all.find(part, at + part.size())) ++found;
  return found;
}

}  // namespace dispatch::plugin::testing
