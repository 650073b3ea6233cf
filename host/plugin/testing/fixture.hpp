#pragma once

#include "plugin/plugin.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::plugin::testing {

/// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return _path; }
  std::string operator/(const std::string& name) const { return _path + '/' + name; }

 private:
  std::string _path;
};

std::string readFile(const std::string& path);
void writeFile(const std::string& path, const std::string& content);
/// The bytes of a library that testing/CMakeLists.txt built.
std::string testLibrary(const std::string& name);
Json manifestSchema();

/// The key that signs the packages of the tests; made once per process.
const minisign::SecretKey& fixtureKey();
/// Trusts that key for every id, and the key of this build, which signed the plugins of this repository.
std::shared_ptr<TrustPolicy> trustFixtures();

/// A package as a builder would make it, with every byte open to being changed before it is written.
struct PackageFiles {
  Json manifest;
  std::map<std::string, std::string> files;

  PackageFiles() = default;
  /// A sound package of the test library `name`.
  explicit PackageFiles(const std::string& library, const std::string& id);
  PackageFiles& hash();  ///< fills in manifest["files"] from `files`
  /// Signed by fixtureKey(), unless `files` has a signature or `isSigned` is false.
  void write(const std::string& directory) const;
  /// plugin.json as it is written.
  std::string manifestText() const;

  bool isSigned = true;
  std::string text;  ///< of plugin.json, instead of `manifest`, where it is not empty
};

/// Runs `work` in a child process and waits for its end; what waitpid() tells. An exception ends it with code
/// 99, a return with 0.
int endOfChild(const std::function<void()>& work);

/// What the rooms above would give, in memory.
class FakeOutside : public Outside {
 public:
  std::optional<std::string> kvGet(const Scope& scope, const std::string& key) override;
  void kvPut(const Scope& scope, const std::string& key, const std::string& value) override;
  void kvRemove(const Scope& scope, const std::string& key) override;
  std::vector<std::string> kvList(const Scope& scope, const std::string& prefix) override;
  Json directory(const Scope& scope, const std::string& what, const Json& query) override;
  Verdict verifyCredential(const std::string& account, std::string_view password) override;
  void createCredential(const std::string& account, std::string_view password) override;
  void replaceCredential(const std::string& account, std::string_view password) override;
  /// Takes every event; answers its number as id.
  Json submitEvent(const Scope& scope, const Event& event) override;
  std::vector<Event> events();
  void audit(const Scope& scope, const std::string& what, const Json& details) override;
  void recordAudit(const Scope& scope, const std::string& action, const std::string& subject,
                   const Json& details) override;  ///< audited() as "action subject details"
  std::vector<std::string> audited();              ///< "what details", in order

 private:
  std::mutex _mutex;
  std::vector<std::string> _audited;
  std::vector<Event> _events;
  std::map<std::pair<std::int64_t, std::string>, std::string> _kv;
};

/// Whether this run of the tests has its plugins in workers (DISPATCH_TEST_HOME=worker): the same tests hold
/// in both homes.
bool inWorker();

/// The plugin host with the probe plugin installed, under a contract of its own.
class ProbeTest : public ::testing::Test {
 protected:
  ProbeTest();

  /// Scans again, after packages or options were changed.
  Catalog& catalog();
  std::shared_ptr<Instance> create(const Json& configuration = Json::object(),
                                   const std::string& id = "probe");
  std::shared_ptr<Instance> started(const Json& configuration = Json::object(),
                                    const std::string& id = "probe");

  TemporaryDirectory directory;
  PackageFiles probe{"probe", "probe"};
  CatalogOptions options;
  FakeOutside outside;
  std::unique_ptr<Catalog> opened;
};

/// Lines that reached the log under "dispatch" while it lives.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  std::string text() const;
  std::size_t count(const std::string& part) const;

 private:
  class Channel;
  Channel* _channel;
};

}  // namespace dispatch::plugin::testing
