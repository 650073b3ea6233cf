#pragma once

#include <dispatch/sdk/http.hpp>
#include <dispatch/testing/digest.hpp>
#include <dispatch/testing/fake_call.hpp>
#include <dispatch/testing/recorded_http.hpp>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dispatch::testing {

class Instance;

/// The other end of a stream. All functions are called from the plugin's thread.
class Peer {
 public:
  virtual ~Peer() = default;
  /// Said as soon as the connection (or its TLS) stands.
  virtual std::string greet() { return {}; }
  /// Called with what the plugin wrote, secrets in their places; answers what it may read next.
  virtual std::string receive(const std::string& bytes) = 0;
  /// The handshake that the plugin asks for; false: it fails.
  virtual bool startTls() { return true; }
  /// Once true, the stream ends after what was said: reads give "closed", writes fail.
  virtual bool closed() const { return false; }
};

struct Connection {
  std::string host;
  int port = 0;
  bool tls = false, allowUntrusted = false;
};

/// See <dispatch/testing.hpp>. Members are for the test to set before, and read after, calls.
class FakeHost {
 public:
  FakeHost();
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  /// How a configuration holds a secret: {"$secret": n}.
  Json secret(std::string value) {
    _secrets.push_back(std::move(value));
    return {{"$secret", _secrets.size()}};
  }

  /// Makes an instance. Throws std::runtime_error with the plugin's sentence if it refuses; see tryLoad for
  /// that case.
  Instance load(const dispatch_plugin_v1* plugin, const Json& configuration = Json::object());
  Outcome tryLoad(const dispatch_plugin_v1* plugin, const Json& configuration = Json::object());

  // --- the world
  std::function<HttpAnswer(const HttpCall&)> onHttp;  ///< unset: nobody listens (UNAVAILABLE)
  std::vector<HttpCall> httpCalls;
  /// From now on HTTP is answered from this recording (HAR 1.2; `dispatch-plugin record` writes such files)
  /// instead of by onHttp: docs/plugin-authors.md. Throws std::runtime_error with what is wrong with the
  /// file.
  RecordedHttp& replay(const std::string& file) {
    return *(_recorded = std::make_unique<RecordedHttp>(readHar(file)));
  }
  /// Makes the recorded call of that file on a new instance with the recorded configuration, whose secrets
  /// are secrets of this host.
  Outcome callRecorded(const dispatch_plugin_v1* plugin);
  std::function<std::unique_ptr<Peer>(const Connection&)>
      onConnect;  ///< unset or null: connection refused (UNAVAILABLE)
  std::vector<Connection> connections;
  std::map<std::string, std::string, std::less<>> kv;
  std::map<std::string, Json, std::less<>>
      directory;  ///< "individuals" -> list; a query's "email" and "limit" are applied
  std::vector<std::pair<std::string, Json>> directoryQueries;
  /// What was submitted, in order, repeated keys included: {"type", "actor", "subject", "key", "data"}.
  std::vector<Json> events;
  /// Decides about an event in place of the fake's own rules; throw Failure to refuse.
  std::function<Json(const Json&)> onEvent;
  /// By the key of their report: {"id", "name", "status"}. A test may change the status.
  std::map<std::string, Json, std::less<>> incidents;
  /// What was recorded, in order: {"name", "value", "labels"}. Declared or not: the server leaves out what is
  /// not.
  std::vector<Json> metrics;
  struct CommandResult {
    int exitCode = 0;
    std::string output{}, errorOutput{};
  };
  /// By name: what the operator's program would do with its input. Others are refused as not granted.
  std::map<std::string, std::function<CommandResult(const std::string& input)>, std::less<>> commands;
  /// Entries of the audit, in order: {"action", "subject", "details"}.
  std::vector<Json> audited;
  std::map<std::string, std::string, std::less<>> accounts;       ///< address in lower case -> password
  std::function<std::string(const std::string&)> passwordPolicy;  ///< a sentence refuses the password
  bool credentialBusy = false;
  std::atomic<std::int64_t> unixNs{1'700'000'000'000'000'000};
  std::atomic<std::uint64_t> monotonicNs{1'000'000'000};
  std::vector<std::pair<dispatch_log_level, std::string>> logLines;

  void advance(std::chrono::nanoseconds time) {
    unixNs += time.count();
    monotonicNs += static_cast<std::uint64_t>(time.count());
  }

  // --- faults
  /// The host does not have (or grant) this service.
  void withhold(std::string service) { _withheld.insert(std::move(service)); }
  /// The next `times` calls of this service fail so, before they do anything.
  void fail(std::string service, dispatch_status status, std::string message, int times = 1) {
    _faults[std::move(service)] = {status, std::move(message), times};
  }

  const dispatch_host* raw() const noexcept { return &_raw; }
  std::string secretValue(dispatch_secret_handle handle) const {
    return handle == 0 ? "" : _secrets.at(handle - 1);
  }

 private:
  struct Fault {
    dispatch_status status;
    std::string message;
    int times;
  };
  struct Open {
    FakeHost* host;
    std::unique_ptr<Peer> peer;
    std::string incoming;
  };

  static FakeHost& of(const dispatch_host* host) { return *static_cast<FakeHost*>(host->host_data); }
  static dispatch_status say(const dispatch_call* call, dispatch_status status, std::string_view message) {
    return call == nullptr ? status : call->fail(call, status, str(message), 0);
  }
  /// What a planned fault answers, or DISPATCH_OK.
  dispatch_status fault(const char* service, const dispatch_call* call) {
    const auto found = _faults.find(service);
    if (found == _faults.end() || found->second.times <= 0) return DISPATCH_OK;
    --found->second.times;
    return say(call, found->second.status, found->second.message);
  }
  static dispatch_status give(const dispatch_call* call, std::string_view text, dispatch_str* out) {
    void* memory = call->alloc(call, text.size() + 1, 1);
    if (memory == nullptr)
      return say(call, DISPATCH_ERR_LIMIT, "The answer does not fit into the call's memory.");
    if (!text.empty()) std::memcpy(memory, text.data(), text.size());
    *out = {static_cast<const char*>(memory), text.size()};
    return DISPATCH_OK;
  }

  /// `use` as it stands on the wire; nothing for an encoder that is not known.
  std::optional<std::string> encode(const dispatch_secret_use& use) const;
  /// The same as a recording has it: with secretMark for the secret.
  static std::string encodeShown(const dispatch_secret_use& use);

  static dispatch_status httpRequest(const dispatch_host*, const dispatch_call*, const dispatch_http_request*,
                                     dispatch_http_response*);
  static dispatch_status streamOpen(const dispatch_host*, const dispatch_call*,
                                    const dispatch_stream_options*, dispatch_stream**);
  static dispatch_status streamWrite(dispatch_stream*, const dispatch_call*,
                                     const dispatch_secret_use* const*, std::uint64_t);
  static dispatch_status streamRead(dispatch_stream*, const dispatch_call*, std::uint8_t*, std::uint64_t,
                                    std::uint64_t*);
  static dispatch_status streamStartTls(dispatch_stream*, const dispatch_call*);
  void makeCrypto();
  void makeStores();
  void makeEvents();
  void makeOperations();
  void makeCredential();

  dispatch_host _raw{};
  dispatch_log_1 _log{};
  dispatch_clock_1 _clock{};
  dispatch_http_1 _http{};
  dispatch_stream_1 _stream{};
  dispatch_crypto_1 _crypto{};
  dispatch_kv_1 _kv{};
  dispatch_directory_1 _directory{};
  dispatch_credential_1 _credential{};
  dispatch_event_1 _event{};
  dispatch_metric_1 _metric{};
  dispatch_exec_1 _exec{};
  dispatch_audit_1 _audit{};
  std::map<std::string, std::string, std::less<>> _eventIds;
  std::map<std::string, const void*, std::less<>> _services;
  std::set<std::string, std::less<>> _withheld;
  std::map<std::string, Fault, std::less<>> _faults;
  std::vector<std::string> _secrets;
  std::unique_ptr<RecordedHttp> _recorded;
  std::mutex _mutex;  ///< guards logLines and metrics, which any thread may add to
};

}  // namespace dispatch::testing

#include <dispatch/testing/fake_host_impl.hpp>
