#pragma once

#include "plugin/instance.hpp"
#include "plugin/service/command.hpp"
#include "plugin/service/http_network.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dispatch::plugin {

/// Everything found on the search path, usable or not.
struct Installed {
  std::string id;  ///< the manifest's, or the directory's name where there is no readable manifest
  std::string directory;
  bool usable = false;
  std::string reason;    ///< why it is not usable: one sentence with the fix
  bool notUsed = false;  ///< there is nothing wrong with it, but another version of its id is used
  Manifest manifest;     ///< valid if usable, else as far as it could be read
  std::string digest;
  std::string buildInfo;
  std::string buildId;  ///< of its library (Package::buildId); "" if not usable
  std::string home;     ///< "process" or "worker"; "" if not usable
  PackageTrust trust;   ///< who signed it, or who allowed it unsigned; as far as it could be checked

  std::string name() const { return manifest.version.empty() ? id : id + ' ' + manifest.version; }
};

struct CatalogOptions {
  /// Directories of package directories; one that does not exist holds none. Of several sound packages of an
  /// id the pinned version is used, else the highest, else the first found.
  std::vector<std::string> searchPath;
  /// Which packages may run. A new one trusts nobody: every package is refused. Its ledger stays the same.
  TrustSource trust = [] { return std::make_shared<const TrustPolicy>(); };
  std::string
      contractsDirectory;  ///< share/dispatch/contracts: plugin.schema.json, <type>.json, directory.json
  std::vector<Allowance> allowances;
  std::vector<Command> commands = {};  ///< that plugins may run (dispatch.exec/1)
  std::vector<std::string> skip;       ///< ids that safe mode leaves out
  std::string workerProgram;           ///< path of dispatch-worker; "" = every plugin lives in this process
  /// `isolation:` of dispatch.yaml: plugin id, or "*" for those not named, -> "process" or "worker". Without
  /// a word of it, integrations that came with this program live in the process, everything else in workers.
  std::map<std::string, std::string> isolation;
  std::uint64_t workerMemoryBytes = 512u << 20;  ///< of a worker (RLIMIT_DATA)
  std::shared_ptr<HttpNetwork> http = {};  ///< watches HTTP, or stands in for it; null: the network alone
  std::string crashDirectory;  ///< "" = keep no record; else where the record of calls in flight is kept for
                               ///< a crash (var/lib/dispatch/crash), to be read with CrashHistory
};

/// `isolation:` of dispatch.yaml as CatalogOptions::isolation wants it. Throws Problem(invalid) with the
/// entry and what is expected.
std::map<std::string, std::string> readIsolation(const Json& yaml);

/// What is installed, and the maker of instances. [any-thread]
class Catalog {
 public:
  /// Scans, verifies and loads. A bad package never throws: it is listed with its reason.
  static std::unique_ptr<Catalog> open(CatalogOptions options, Outside& outside);
  virtual ~Catalog() = default;

  /// As it was found when it was last looked at, and as it counts now: what has lost its trust since, or was
  /// put into quarantine, is not usable any more.
  virtual std::vector<Installed> list() const = 0;
  /// Of several versions the one that is used, else the one that would be, with why it is not.
  virtual std::optional<Installed> find(std::string_view id) const = 0;

  /// Looks for the packages of one id again and takes the one that counts now into use; instances made before
  /// keep what they were made of. Throws Problem if none is usable: what is in use stays so, and what was
  /// refused is listed with its reason.
  virtual Installed reload(std::string_view id) = 0;

  /// Creates (and does not start) an instance. Throws Problem: not installed, not usable, configuration
  /// against its schema, or create failed - with the plugin's own sentence.
  virtual std::shared_ptr<Instance> create(std::string_view id, const Scope& scope,
                                           Configuration configuration) = 0;

  /// All that is to start with what was scanned has started: workers that were kept ready for it end.
  virtual void settled() {}

  /// The contract's methods for a plugin type, e.g. "ticket": {"methods": {"create": {"effect", "input",
  /// "output", "examples"}}}.
  virtual const Json* contract(std::string_view type) const = 0;
  virtual std::vector<std::string> types() const = 0;
};

}  // namespace dispatch::plugin
