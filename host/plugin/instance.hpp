#pragma once

#include "config/config.hpp"
#include "plugin/outside.hpp"
#include "plugin/package/package.hpp"

#include <dispatch/abi.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dispatch::plugin {

enum class Effect { read, idempotent, findable, atMostOnce };
std::string_view nameOf(
    Effect effect);  ///< as contracts have it: "read", "idempotent", "findable", "at-most-once"
Effect effectOf(std::string_view name);  ///< an unknown name is at-most-once, the careful one

/// How a call ended.
struct Outcome {
  dispatch_status status = DISPATCH_ERR_INTERNAL;
  std::string message;  ///< why it failed, for a person; no secrets
  std::uint32_t retryAfterMs = 0;
  bool ok() const { return status == DISPATCH_OK; }
  /// The effect may have happened although no good answer came back.
  bool uncertain() const {
    return status == DISPATCH_ERR_UNCERTAIN || status == DISPATCH_ERR_TIMEOUT ||
           status == DISPATCH_ERR_CANCELLED;
  }
  /// Repeating it as it is cannot help: a person must change something.
  bool permanent() const {
    return status == DISPATCH_ERR_INVALID || status == DISPATCH_ERR_DENIED ||
           status == DISPATCH_ERR_UNSUPPORTED || status == DISPATCH_ERR_NOT_FOUND;
  }
  /// It speaks against the plugin, or against what the plugin talks to. A refusal of what was asked says that
  /// both work, and a call that somebody cancelled says nothing.
  bool againstPlugin() const {
    return status == DISPATCH_ERR_UNAVAILABLE || status == DISPATCH_ERR_TIMEOUT ||
           status == DISPATCH_ERR_UNCERTAIN || status == DISPATCH_ERR_INTERNAL;
  }
};

struct JsonOutcome : Outcome {
  Json value;
};

/// A request of another system, as it came (dispatch_webhook_request).
struct WebhookRequest {
  std::string method, path, query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body, peerAddress;
  std::int64_t receivedAtNs = 0;
  std::uint32_t attempt = 1;
};
/// What its sender gets. Headers are those that may go out, none with a control character.
struct WebhookResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
struct WebhookOutcome : Outcome {
  WebhookResponse response;
};
struct TextOutcome : Outcome {
  std::string text;
};

/// What a source saw, and where it goes on (dispatch_source_result).
struct PollOutcome : Outcome {
  std::string cursor;
  bool more = false;
  std::chrono::milliseconds next{0};  ///< until it wants to be asked again; 0 = it does not say
};

/// Lets somebody else end a call: its plugin is told at once, and its services stop waiting. [any-thread]
class Cancellation {
 public:
  void cancel();
  bool cancelled() const;

  /// For the call itself: `wake` runs on cancel(), at once if that was before; the returned number takes it
  /// away again.
  std::uint64_t attach(std::function<void()> wake);
  void detach(std::uint64_t id);  ///< after it has returned, `wake` is not running

 private:
  mutable std::mutex _mutex;
  bool _cancelled = false;
  std::uint64_t _lastId = 0;
  std::map<std::uint64_t, std::function<void()>> _wakes;
};

struct CallOptions {
  std::chrono::milliseconds timeout{0};  ///< 0 = the manifest's for that method
  std::string idempotencyKey;
  std::shared_ptr<Cancellation> cancellation = {};
  bool insist = false;  ///< asked also while the circuit breaker is open: a person wants to know
  std::array<std::uint8_t, 16> traceId = {};  ///< W3C Trace Context; all zero = none
  std::array<std::uint8_t, 8> spanId = {};
};

/// A configuration as a plugin may see it: secret values are taken out and stand as {"$secret": n}.
struct Configuration {
  Json value = Json::object();                          ///< plain values; a secret as {"$secret": n}
  std::map<std::uint32_t, config::SecretText> secrets;  ///< by handle
  std::uint64_t revision = 0;
};

/// Splits a configuration whose secret fields (x-dispatch-secret in `schema`, at any depth) hold text into
/// the form above, and validates it. Throws Problem(invalid) whose location is the offending field, whose
/// message never has a secret value.
Configuration makeConfiguration(const Json& schema, const Json& plain, std::uint64_t revision);
/// The same check alone; every violation, each with its own location. Empty: valid.
struct Violation {
  std::vector<std::string> location;
  std::string message;
};
std::vector<Violation> validate(const Json& schema, const Json& value);

/// A created plugin, in whatever home it runs. [any-thread]; calls beyond the manifest's max_concurrency wait
/// their turn within their deadline.
class Instance {
 public:
  virtual ~Instance() = default;

  virtual const Manifest& manifest() const = 0;
  virtual const Scope& scope() const = 0;
  virtual std::string home() const = 0;  ///< "process" (the host's own) or "worker"

  /// [control]
  virtual Outcome start() = 0;
  virtual Outcome reconfigure(Configuration configuration) = 0;
  virtual void drainAndStop() = 0;

  struct Method {
    std::string name;
    Effect effect;
    std::uint32_t contractRevision;
  };
  /// Methods of dispatch.integration/1; empty if it has none.
  virtual std::vector<Method> methods() const = 0;
  virtual bool has(std::string_view interfaceId) const = 0;

  /// Input and output are checked against the contract of (manifest.type, method): an output that breaks it
  /// is a failure that names the field. Never throws for anything a plugin does.
  virtual JsonOutcome invoke(const std::string& method, const Json& input,
                             const CallOptions& options = {}) = 0;
  virtual JsonOutcome test(const Json& input, const CallOptions& options = {}) = 0;

  /// dispatch.auth/1. `request` has the members of dispatch_auth_request ("fields", "headers" as JSON; action
  /// as text "login", "register", "change_password", "callback", "logout", "token"); the value has those of
  /// dispatch_auth_result, "kind" as text
  /// ("deny", "identity", "redirect", "form", "challenge"). Anything unexpected is a denial.
  virtual JsonOutcome describeAuth(const CallOptions& options = {}) = 0;
  virtual JsonOutcome authenticate(const Json& request, const CallOptions& options = {}) = 0;

  /// dispatch.secret/1
  struct SecretOutcome : Outcome {
    config::SecretText secret;
  };
  virtual SecretOutcome decrypt(const std::string& name, const std::string& stored,
                                const CallOptions& options = {}) = 0;
  virtual JsonOutcome encrypt(const std::string& name, std::string_view plaintext,
                              const CallOptions& options = {}) = 0;

  /// dispatch.webhook/1. The delivery's id by the sender's count; "" where the plugin does not know one.
  virtual TextOutcome identifyWebhook(const WebhookRequest&, const CallOptions& = {}) { return {}; }
  virtual WebhookOutcome receiveWebhook(const WebhookRequest&, const CallOptions& = {}) { return {}; }

  /// dispatch.source/1: what came since `cursor`.
  virtual PollOutcome poll(const std::string& cursor, const CallOptions& = {}) {
    return {{}, cursor, false, {}};
  }

  /// What the plugin counts of its own work (dispatch.metric/1).
  virtual std::vector<Metric> metrics() const { return {}; }

  struct Statistics {
    std::uint64_t calls = 0, failures = 0, inFlight = 0;
    std::string lastError;
    std::string lastErrorAt;
    double p50Ms = 0, p99Ms = 0;     ///< of the last 512 calls, waiting for a turn included
    std::string breaker = "closed";  ///< "open": calls are refused at once, "probing": one is let through
    std::string breakerUntil;        ///< where it is open: when the next call passes
  };
  virtual Statistics statistics() const = 0;

  /// Where it lives, and how that goes.
  struct Worker {
    bool isolated = false;          ///< false: in the host's process, and nothing of the below
    int process = 0;                ///< process id; 0 = none at the moment
    std::string sandbox;            ///< the level reached
    std::uint64_t memoryBytes = 0;  ///< resident
    std::uint64_t restarts = 0;
    std::uint64_t denied = 0;  ///< system calls that the sandbox refused
    std::string lastDenied, lastCrash, lastCrashAt;
  };
  virtual Worker worker() const { return {}; }
  /// Why code of its package would not be started now, in a sentence with the fix: trust was taken from it
  /// since, or it was put into quarantine. "": it would.
  virtual std::string refusal() const { return {}; }

  /// A connection or request this instance made through the host, for the plugins page. No query, no secrets.
  struct Outbound {
    std::string at;      ///< when it began
    std::string method;  ///< "GET", …, or "TCP" and "TLS" for a stream
    std::string host;
    int port = 0;
    std::string path;
    int status = 0;  ///< HTTP status; 0 where none came
    double milliseconds = 0;
    std::string error;  ///< "" = none
  };
  /// The last 100, newest first.
  virtual std::vector<Outbound> outbound() const = 0;
};

}  // namespace dispatch::plugin
