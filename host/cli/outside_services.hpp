#pragma once

#include "auth/auth.hpp"
#include "cli/audit_writer.hpp"
#include "incident/incident.hpp"
#include "plugin/plugin.hpp"
#include "store/store.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>

namespace dispatch::cli {

/// What plugins reach of this host beyond their own process: their key-value memory, the directory of their
/// project, and, for auth providers, the accounts. Secret providers are loaded before there is a database:
/// until bind(), every question is answered "unavailable". [any-thread]
class OutsideServices final : public plugin::Outside {
 public:
  /// All outlive this object's last use. `models`: for the search filters of directory queries.
  void bind(store::Database& database, auth::Accounts& accounts, const store::Models& models);

  /// Who acts on dispatch.event/1; waits for those that are under way before it changes.
  void bindEvents(incident::Incidents* incidents);

  /// Before those that bind() took go: what waits for the audit is written, and nothing is answered any more.
  void unbind();

  std::optional<std::string> kvGet(const plugin::Scope& scope, const std::string& key) override;
  void kvPut(const plugin::Scope& scope, const std::string& key, const std::string& value) override;
  void kvRemove(const plugin::Scope& scope, const std::string& key) override;
  std::vector<std::string> kvList(const plugin::Scope& scope, const std::string& prefix) override;

  Json directory(const plugin::Scope& scope, const std::string& what, const Json& query) override;

  Verdict verifyCredential(const std::string& account, std::string_view password) override;
  void createCredential(const std::string& account, std::string_view password) override;
  void replaceCredential(const std::string& account, std::string_view password) override;

  Json submitEvent(const plugin::Scope& scope, const plugin::Event& event) override;
  void audit(const plugin::Scope& scope, const std::string& what, const Json& details) override;
  void recordAudit(const plugin::Scope& scope, const std::string& action, const std::string& subject,
                   const Json& details) override;

 private:
  store::Database& database();
  auth::Accounts& accounts();
  bool matches(store::Session& session, const char* joinTable, const char* column, std::int64_t id,
               std::int64_t incidentId);

  std::atomic<store::Database*> _database{nullptr};
  std::atomic<auth::Accounts*> _accounts{nullptr};
  std::atomic<const store::Models*> _models{nullptr};
  std::shared_mutex _eventsMutex;
  incident::Incidents* _incidents = nullptr;  // under _eventsMutex
  std::mutex _auditMutex;
  std::unique_ptr<AuditWriter> _audit;
};

}  // namespace dispatch::cli
