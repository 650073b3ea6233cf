// Incidents: reporting, changing, people and roles, the timeline, and the flows that follow from each.
#pragma once

#include "auth/auth.hpp"
#include "base/json.hpp"
#include "flow/flow.hpp"
#include "integrations/integrations.hpp"
#include "store/store.hpp"

#include <memory>
#include <optional>
#include <string>

namespace dispatch::incident {

/// Throws Problem(invalid) at `location` where mail cannot be sent to `address`.
void checkEmail(std::string_view address, const std::vector<std::string>& location);

/// Throws Problem(invalid) with the roles that policies may fill unless `role` is one.
void requirePolicyRole(const std::string& role);

struct Context {
  store::Database& database;
  flow::Engine& engine;
  integrations::Integrations& integrations;
  std::string uiUrl;            ///< DISPATCH_UI_URL
  const store::Models& models;  ///< for the search filters of notifications; filled before the engine runs
};

/// All functions check permissions of `who` (docs/api.md), throw Problem, and answer the incident's id.
/// Bodies are the original's (IncidentCreate, IncidentUpdate, …), already parsed. [any-thread]
class Incidents {
 public:
  explicit Incidents(Context context);

  /// Registers the flow definitions and their bindings with the engine.
  void defineFlows();

  std::int64_t create(const auth::Principal& who, const Json& body);
  /// Changes what `body` names. `expectedVersion`: the incident's `version` that the caller saw (If-Match);
  /// another one by now is Problem(conflict), checked in the transaction that changes it.
  void update(const auth::Principal& who, std::int64_t id, const Json& body,
              std::optional<std::int64_t> expectedVersion = std::nullopt);
  void remove(const auth::Principal& who, std::int64_t id);
  void recreateResources(const auth::Principal& who, std::int64_t id);

  void join(const auth::Principal& who, std::int64_t id);
  void addParticipant(const auth::Principal& who, std::int64_t id, const std::string& email,
                      const std::string& role = "Participant");
  void removeParticipant(const auth::Principal& who, std::int64_t id, const std::string& email);
  void assignRole(const auth::Principal& who, std::int64_t id, const std::string& email,
                  const std::string& role);

  void addEvent(const auth::Principal& who, std::int64_t id, const Json& body);
  void updateEvent(const auth::Principal& who, std::int64_t id, const Json& body);
  void removeEvent(const auth::Principal& who, std::int64_t id, const std::string& uuid);

  void retryStep(const auth::Principal& who, std::int64_t id, std::int64_t stepId);
  void skipStep(const auth::Principal& who, std::int64_t id, std::int64_t stepId);
  void confirmStep(const auth::Principal& who, std::int64_t id, std::int64_t stepId);
  /// What a plugin tells of the outside (dispatch.event/1; the types are in sdk/include/dispatch/abi/
  /// service_event.h), as its actor may, once per key. Answers {"id", "duplicate", "incident": {"id", "name",
  /// "status"}}.
  Json submit(const plugin::Scope& scope, const plugin::Event& event);

  /// {flows: [{id, kind, state, steps: [{id, key, title, plugin, state, reason, attempt, next_try_at,
  /// actions, …}]}]}
  Json steps(const auth::Principal& who, std::int64_t id);

  /// IncidentView / IncidentEdit of the original (docs/api.md, permissions).
  bool mayView(store::Session& session, const auth::Principal& who, std::int64_t id);
  bool mayEdit(store::Session& session, const auth::Principal& who, std::int64_t id);
  /// The visibility rule of lists: Admins and above see all, others Open ones and those they take part in.
  static store::Condition visibility(const auth::Principal& who);

 private:
  Context _context;
};

}  // namespace dispatch::incident
