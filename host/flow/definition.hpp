#pragma once

#include "base/json.hpp"
#include "store/store.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dispatch::flow {

/// One step of a flow as data; ships as JSON per kind, readable by `dispatch flow show KIND`.
struct StepDefinition {
  std::string key;    ///< "ticket.create"; unique in its flow; children get "<key>/<n>"
  std::string title;  ///< "Create the ticket", as the receipt page shows it
  /// "" = the host does it itself. With a type and no method the host does it too, but only where a plugin of
  /// the type is at work: steps that expand into one call per recipient.
  std::string pluginType;
  std::string method;
  /// Keys (and all their children) that must have ended first; only a key that *failed* or is *uncertain*
  /// holds this step back.
  std::vector<std::string> needs;
  std::vector<std::string> wants;  ///< keys (and all their children) to wait for, whatever became of them
  bool required = false;           ///< a subject without it says so at the top until somebody decides
};

struct Definition {
  std::string kind;  ///< "incident.create"
  std::string title;
  std::vector<StepDefinition> steps;

  /// BLAKE2b-256 of toJson(): names this exact definition.
  std::string digest() const;
  Json toJson() const;
  /// Throws Problem(invalid) that names the step: unknown member, key twice, a reference to no step or in a
  /// circle.
  static Definition parse(const Json& json);
};

/// What became of a step, for bindings that look back.
struct StepResult {
  std::string key, state;
  Json input, output;
};

/// What a binding sees. All in the transaction that will record the result.
struct StepContext {
  store::Session& session;
  std::int64_t flowId, stepId, organizationId, projectId, subjectId;
  std::string key;
  Json flowInput;  ///< given when the flow was started
  std::function<Json(const std::string&)>
      output;  ///< of an ended step of this flow by key; null if it has none
  std::function<std::vector<StepResult>(const std::string&)>
      children;                                       ///< of an expand step by its key, in order
  Json input = nullptr;                               ///< the recorded input; null before prepare
  std::optional<std::int64_t> pluginInstanceId = {};  ///< that was called; for host steps none
  std::string idempotencyKey;                         ///< stable over all attempts of this step
};

struct Skip {
  std::string reason;      ///< shown to people
  bool retryable = false;  ///< somebody can change what the reason says, and then wants the step to run
};

struct Child {
  std::string key, title;          ///< key is appended to the parent's: "<parent>/<key>"; no "/" in it
  std::string pluginType, method;  ///< as in StepDefinition
  Json input = Json::object();     ///< recorded as the step's input, unless a binding prepares another
  std::optional<std::int64_t> pluginInstanceId = {};  ///< this very instance instead of who serves the type
};

/// How a step key gets its meaning. All functions may run again after a crash before their commit, so they
/// change nothing but through the session. Children are bound by their parent's key and a star:
/// "participants.resolve/*". A function may throw Problem: `unavailable` is tried again, everything else
/// fails the step with its message.
struct Binding {
  /// Which instance is to be called instead of who serves the type: the one that made a resource keeps it.
  /// May only read.
  std::function<std::optional<std::int64_t>(StepContext&)> instance = {};
  /// The plugin call's input, recorded before the call; or a reason to skip. Null: the input recorded with
  /// the child, or {}.
  std::function<std::variant<Json, Skip>(StepContext&)> prepare = {};
  /// Host steps: the work itself, in one transaction with marking the step done.
  std::function<std::variant<Json, Skip>(StepContext&)> run = {};
  /// After a plugin answered: writes what came of it, in one transaction with marking the step done.
  std::function<void(StepContext&, const Json& output)> apply = {};
  /// Expand steps: children committed together with the step's output; null = not an expand step.
  std::function<std::vector<Child>(StepContext&, const Json& output)> expand = {};
  /// "Not found" is the plugin's answer to the question, and nothing for a person to mend: the step is
  /// skipped with the plugin's sentence.
  bool skipsWhatIsNotFound = false;
  /// Called in the transaction that ends the step as failed or uncertain, for the subject's timeline.
  std::function<void(StepContext&, const std::string& state, const std::string& reason)> failed = {};
  /// Called in the transaction in which a person retried, skipped or confirmed the step ("retried",
  /// "skipped", "confirmed").
  std::function<void(StepContext&, const std::string& action, const std::string& actor)> decided = {};
};

}  // namespace dispatch::flow
