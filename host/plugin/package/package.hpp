#pragma once

#include "base/json.hpp"
#include "plugin/metric.hpp"
#include "plugin/package/trust_policy.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// plugin.json, parsed and checked against its schema (sdk/contracts/plugin.schema.json).
struct Manifest {
  std::string id;  ///< "dispatch-smtp"; also the slug in the API; [a-z0-9-], 3 to 64 characters
  std::string title, description, version, type, author, authorUrl, license;
  std::string library;    ///< file name inside the package
  bool multiple = false;  ///< several enabled instances of its type in one project may include this one
  bool enabledByDefault = false;  ///< gets an enabled instance in every new project (built-in plugins)
  int maxConcurrency = 1;
  std::chrono::milliseconds timeout{30000};  ///< of a call, unless `timeouts` names the method
  std::map<std::string, std::chrono::milliseconds> timeouts;
  std::map<std::string, std::string> files;  ///< file name -> BLAKE2b-256 hex
  Json permissions = Json::object();  ///< {"http": […], "stream": […], "headers": […], "services": […]}
  std::vector<MetricDeclaration> metrics;
  Json configurationSchema;  ///< JSON Schema of an object; secret fields carry x-dispatch-secret
  std::string abi;           ///< "1"
};

/// What a package may run by, to be asked again when its bytes are loaded already.
struct Credentials {
  std::string id, version, digest;
  std::optional<minisign::Signature> signature;  ///< absent: it is not signed
  std::optional<minisign::PublicKey> key;        ///< that made the signature, as was verified
};

/// Why it must not be started now, in a sentence with the fix; "": it may. The checks of packageChecks() on
/// trust and quarantine; a version that was in use does not become too low. A trust store that cannot be read
/// is a refusal, too.
std::string refusalNow(const Credentials& credentials, const TrustSource& trust) noexcept;

/// A package directory whose every byte was read once and checked: what is executed is what was verified.
struct Package {
  Manifest manifest;
  std::string directory;
  std::string digest;   ///< BLAKE2b-256 hex over plugin.json: names this exact package
  std::string buildId;  ///< of the library, as the linker named it, in hex; "" = it has none
  std::string libraryBytes;
  PackageTrust trust;
  Credentials credentials;
};

/// Parses plugin.json: JSON, then against `schema` (that of sdk/contracts/plugin.schema.json), then what a
/// schema cannot say. Throws Problem(invalid) with a sentence for every violation.
Manifest parseManifest(std::string_view text, const Json& schema);

/// Reads and verifies the package in `directory` by packageChecks(). Throws Problem(invalid) with one
/// sentence that says which check failed, what was expected and found, and the fix: not signed by a key that
/// is trusted for it, revoked, lower than what served; manifest absent, garbled or against its schema; a
/// listed file absent or with another hash; a file that is not listed; a symbolic link; a library that is no
/// ELF64 shared object for this machine, is truncated, or does not export exactly the query symbol.
/// Problem(unavailable) where the directory cannot be read.
Package readPackage(const std::string& directory, const Json& manifestSchema, const TrustPolicy& policy);

}  // namespace dispatch::plugin
