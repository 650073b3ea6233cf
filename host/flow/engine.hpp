#pragma once

#include "flow/definition.hpp"
#include "integrations/integrations.hpp"
#include "store/store.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace dispatch::flow {

struct EngineOptions {
  int workers = 4;
  std::string hostId =
      {};  ///< row of this process in `host`; empty = a new one. run() writes the row, stop() removes it
  /// Tries of one step before it fails for good, and the pause between them: it grows threefold from
  /// `retryFirst` to `retryMost`, give or take a quarter, and is never shorter than a plugin's retry_after.
  int tries = 8;
  std::chrono::milliseconds retryFirst{2000}, retryMost{300000};
  /// PostgreSQL: how often this host shows that it is alive and looks for others that are not.
  std::chrono::milliseconds heartbeat{1000};
};

/// Start of a flow, written in the caller's transaction together with its subject.
struct Start {
  std::string kind;
  std::string subjectType;  ///< "incident"
  std::int64_t subjectId = 0, organizationId = 0, projectId = 0;
  Json input = Json::object();
};

/// States of a step: pending, running, done, failed, skipped, waiting (for a step that failed), uncertain.
/// States of a flow: running, done, "done with failures", waiting (for a person: nothing goes on until
/// somebody decides). Every change of either is published as an event "flow_step" or "flow" with {<subject
/// type>_id, flow_id, key, state}.
///
/// [any-thread]
class Engine {
 public:
  static std::unique_ptr<Engine> open(store::Database& database, integrations::Integrations& integrations,
                                      EngineOptions options = {});
  virtual ~Engine() = default;

  /// Before run(): what kinds there are and what their keys mean. Throws std::logic_error for a step that
  /// nothing is bound to.
  virtual void define(Definition definition, std::map<std::string, Binding> bindings) = 0;
  virtual const Definition& definition(const std::string& kind) const = 0;  ///< throws Problem(notFound)
  virtual std::vector<std::string> kinds() const = 0;

  /// In the caller's transaction: flow and first steps. Nothing runs before it has committed.
  virtual std::int64_t start(store::Session& session, const Start& start) = 0;
  /// In the caller's transaction: nothing more of the subject's flows is begun; what has not ended is skipped
  /// for `reason`.
  virtual void cancel(store::Session& session, const std::string& subjectType, std::int64_t subjectId,
                      const std::string& reason) = 0;

  /// Takes back what a crashed process left running (by effect: repeat, find, or uncertain), then works.
  virtual void run() = 0;
  /// Finishes the calls in flight within `limit`, gives up the rest as a crash would.
  virtual void stop(std::chrono::milliseconds limit) = 0;

  /// What a person may do with a step; throws Problem(conflict) if the step is not in a state for it. `actor`
  /// is an e-mail address.
  virtual void retry(std::int64_t stepId,
                     const std::string& actor) = 0;  ///< failed, skipped, uncertain ("send again")
  virtual void skip(std::int64_t stepId, const std::string& actor) = 0;  ///< failed, uncertain, waiting
  virtual void confirmSent(std::int64_t stepId, const std::string& actor) = 0;  ///< uncertain: it did happen
  /// Retries what failed, or was skipped for want of a plugin that is at work now. Answers how many steps
  /// that were.
  virtual int retryMissing(const std::string& subjectType, std::int64_t subjectId,
                           const std::string& actor) = 0;

  /// The subject's flows as the API shows them, newest first: [{id, kind, title, state, created_at,
  /// finished_at, steps: [{id, key, parent_id, title, plugin, plugin_type, method, state, reason, attempt,
  /// next_try_at, effect, required, actor, started_at, finished_at, actions: ["retry", "skip",
  /// "confirm"]}]}].
  virtual Json describe(store::Session& session, const std::string& subjectType, std::int64_t subjectId) = 0;
};

/// Kill points for the tests: `failPoint("flow.after_call")` ends the process at once (SIGKILL) if the
/// environment variable DISPATCH_FAIL_POINT names it ("flow.after_call@ticket.create:1": that step key, the
/// n-th time). Costs one load when unset.
void failPoint(const char* name, const std::string& key = "");

}  // namespace dispatch::flow
