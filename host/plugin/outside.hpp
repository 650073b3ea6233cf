#pragma once

#include "base/json.hpp"
#include "config/config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch::plugin {

/// Whose instance makes a request of a service.
struct Scope {
  std::string pluginId;
  std::int64_t instanceId = 0;  ///< plugin_instance.id; 0 for a plugin of the whole host (auth, secret)
  std::int64_t organizationId = 0, projectId = 0;
};

/// What a plugin tells of the outside (dispatch_event).
struct Event {
  std::string type, actor, subject, key;
  Json data = Json::object();
};

/// What the services kv, directory, credential, event and audit need from rooms above this one. The program
/// passes one implementation in; all functions are [any-thread] and throw Problem.
class Outside {
 public:
  virtual ~Outside() = default;

  virtual std::optional<std::string> kvGet(const Scope& scope, const std::string& key) = 0;
  virtual void kvPut(const Scope& scope, const std::string& key, const std::string& value) = 0;
  virtual void kvRemove(const Scope& scope, const std::string& key) = 0;
  virtual std::vector<std::string> kvList(const Scope& scope, const std::string& prefix) = 0;

  virtual Json directory(const Scope& scope, const std::string& what, const Json& query) = 0;

  enum class Verdict { right, wrong, busy };
  virtual Verdict verifyCredential(const std::string& account, std::string_view password) = 0;
  virtual void createCredential(const std::string& account, std::string_view password) = 0;
  virtual void replaceCredential(const std::string& account, std::string_view password) = 0;

  /// dispatch.event/1, for a type that the manifest asks for. Answers {"id", "duplicate", "incident"}.
  virtual Json submitEvent(const Scope& scope, const Event& event) = 0;

  /// What a plugin tried and may not, or an operator should know of it, for the audit. Waits for nothing.
  virtual void audit(const Scope& scope, const std::string& what, const Json& details) = 0;
  /// dispatch.audit/1: what the plugin itself wants to stand there. Committed before it returns.
  virtual void recordAudit(const Scope& scope, const std::string& action, const std::string& subject,
                           const Json& details) = 0;
};

/// A destination the operator allows beyond what the manifest's request already grants: private ranges always
/// need one. From dispatch.yaml: `allow: [{plugin: dispatch-smtp, host: mail.internal, port: 587,
/// untrusted_tls: false}]`.
struct Allowance {
  std::string pluginId;  ///< or "*"
  std::string host;      ///< name, address or CIDR
  int port = 0;          ///< 0 = any
  bool untrustedTls = false;
  std::string caFile = {};  ///< PEM file of certificate authorities that count there besides the system's
};

/// `allow:` of dispatch.yaml as JSON; none if absent. Throws Problem(invalid) with the entry, what is wrong
/// and what is expected.
std::vector<Allowance> readAllowances(const Json& yaml);

}  // namespace dispatch::plugin
