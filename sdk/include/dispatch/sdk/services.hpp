#pragma once

#include <dispatch/sdk/config.hpp>
#include <dispatch/sdk/host.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dispatch {

namespace sdk {

/// Throws for a service call that failed. The host's sentence, where it gave one, is part of the exception
/// and stays in place.
inline void serviceCheck(const Call& call, dispatch_status status, std::string_view what) {
  if (status == DISPATCH_OK) return;
  const dispatch_status failure = status < 0 ? status : DISPATCH_ERR_INTERNAL;
  const std::string reason = call.reason();
  if (!reason.empty()) throw ReportedFailure(failure, reason);
  throw Failure(failure, std::string(what));
}

}  // namespace sdk

/// One line in the host's log. Does nothing where the host has no log. [any-thread]
class Log {
 public:
  explicit Log(Host host) : _host(host) {}
  void error(std::string_view message, const Call* call = nullptr) const {
    write(DISPATCH_LOG_ERROR, message, call);
  }
  void warning(std::string_view message, const Call* call = nullptr) const {
    write(DISPATCH_LOG_WARNING, message, call);
  }
  void info(std::string_view message, const Call* call = nullptr) const {
    write(DISPATCH_LOG_INFO, message, call);
  }
  void debug(std::string_view message, const Call* call = nullptr) const {
    write(DISPATCH_LOG_DEBUG, message, call);
  }

 private:
  void write(dispatch_log_level level, std::string_view message, const Call* call) const {
    const auto* table = _host.find<dispatch_log_1>(DISPATCH_LOG_1);
    if (DISPATCH_HAS(table, dispatch_log_1, write))
      table->write(_host.raw(), call == nullptr ? nullptr : call->raw(), level, str(message));
  }
  Host _host;
};

/// Time, which a test can move. [any-thread], sleep [call-thread]
class Clock {
 public:
  explicit Clock(Host host) : _host(host) {}
  std::chrono::system_clock::time_point now() const {
    return std::chrono::system_clock::time_point(std::chrono::nanoseconds(table().unix_ns(_host.raw())));
  }
  std::chrono::nanoseconds monotonic() const {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(table().monotonic_ns(_host.raw())));
  }
  /// Throws Failure when the call is cancelled or its deadline passes meanwhile.
  void sleep(const Call& call, std::chrono::nanoseconds duration) const {
    sdk::serviceCheck(call,
                      table().sleep(_host.raw(), call.raw(),
                                    static_cast<std::uint64_t>(duration.count() > 0 ? duration.count() : 0)),
                      "The call ended while the plugin was waiting.");
  }

 private:
  const dispatch_clock_1& table() const { return _host.need<dispatch_clock_1>(DISPATCH_CLOCK_1); }
  Host _host;
};

/// A little durable memory, private to this instance; not for secrets. Limits: see service_kv.h.
/// [call-thread]
class Kv {
 public:
  explicit Kv(Host host) : _host(host) {}
  std::optional<std::string> get(const Call& call, std::string_view key) const {
    dispatch_str out{nullptr, 0};
    const dispatch_status status = table().get(_host.raw(), call.raw(), str(key), &out);
    if (status == DISPATCH_ERR_NOT_FOUND) return std::nullopt;
    sdk::serviceCheck(call, status, "The host could not read the plugin's stored data.");
    return std::string(view(out));
  }
  void put(const Call& call, std::string_view key, std::string_view value) const {
    sdk::serviceCheck(call, table().put(_host.raw(), call.raw(), str(key), str(value)),
                      "The host could not store the plugin's data.");
  }
  void remove(const Call& call, std::string_view key) const {
    const dispatch_status status = table().remove(_host.raw(), call.raw(), str(key));
    if (status != DISPATCH_ERR_NOT_FOUND)
      sdk::serviceCheck(call, status, "The host could not remove the plugin's data.");
  }
  std::vector<std::string> list(const Call& call, std::string_view prefix = {}) const {
    dispatch_str out{nullptr, 0};
    sdk::serviceCheck(call, table().list(_host.raw(), call.raw(), str(prefix), &out),
                      "The host could not list the plugin's data.");
    return Json::parse(view(out)).get<std::vector<std::string>>();
  }

 private:
  const dispatch_kv_1& table() const { return _host.need<dispatch_kv_1>(DISPATCH_KV_1); }
  Host _host;
};

/// Questions about the people, teams and services of the instance's project; objects as in
/// contracts/directory.json. [call-thread]
class Directory {
 public:
  explicit Directory(Host host) : _host(host) {}
  Json individuals(const Call& call, const Json& query = Json::object()) const {
    return ask(call, "individuals", query);
  }
  Json teams(const Call& call, const Json& query = Json::object()) const { return ask(call, "teams", query); }
  Json services(const Call& call, const Json& query = Json::object()) const {
    return ask(call, "services", query);
  }
  /// The project itself: one object, or an empty one.
  Json project(const Call& call) const {
    const Json list = ask(call, "project", Json::object());
    return list.empty() ? Json::object() : list.front();
  }

 private:
  Json ask(const Call& call, std::string_view what, const Json& query) const {
    dispatch_str out{nullptr, 0};
    sdk::serviceCheck(call,
                      _host.need<dispatch_directory_1>(DISPATCH_DIRECTORY_1)
                          .query(_host.raw(), call.raw(), str(what), str(sdk::dump(query)), &out),
                      "The host could not answer a question about its directory.");
    Json list = Json::parse(view(out));
    if (!list.is_array())
      throw Failure(DISPATCH_ERR_INTERNAL, "The host's directory did not answer with a list.");
    return list;
  }
  Host _host;
};

/// Where a secret provider's result goes: memory of the host.
class SecretSink {
 public:
  explicit SecretSink(const dispatch_secret_sink* raw) : _raw(raw) {}
  /// Copies `secret` into the host; once. Wipe your own copy afterwards.
  void write(std::string_view secret) const {
    std::uint8_t* buffer = _raw->buffer(_raw, secret.size());
    if (buffer == nullptr) throw Failure::invalid("The secret is empty or longer than 64 KiB.");
    std::memcpy(buffer, secret.data(), secret.size());
  }
  const dispatch_secret_sink* raw() const noexcept { return _raw; }

 private:
  const dispatch_secret_sink* _raw;
};

/// Cryptography with keys that stay in the host. Algorithms are named in service_crypto.h. [any-thread]
class Crypto {
 public:
  explicit Crypto(Host host) : _host(host) {}
  std::string random(std::size_t size) const {
    std::string out(size, '\0');
    sdk::check(table().random(_host.raw(), reinterpret_cast<std::uint8_t*>(out.data()), size),
               "The host has no randomness to give.");
    return out;
  }
  std::string hash(const Call& call, std::string_view algorithm, std::string_view data) const {
    dispatch_str out{nullptr, 0};
    sdk::serviceCheck(call, table().hash(_host.raw(), call.raw(), str(algorithm), str(data), &out),
                      "The host could not compute a " + std::string(algorithm) + " digest.");
    return std::string(view(out));
  }
  std::string mac(const Call& call, std::string_view algorithm, Secret key, std::string_view data,
                  std::string_view keyPrefix = {}) const {
    dispatch_str out{nullptr, 0};
    sdk::serviceCheck(
        call,
        table().mac(_host.raw(), call.raw(), str(algorithm), key.handle(), str(keyPrefix), str(data), &out),
        "The host could not compute a " + std::string(algorithm) + ".");
    return std::string(view(out));
  }
  /// Constant time.
  bool macMatches(const Call& call, std::string_view algorithm, Secret key, std::string_view data,
                  std::string_view expected, std::string_view keyPrefix = {}) const {
    const dispatch_status status = table().mac_verify(_host.raw(), call.raw(), str(algorithm), key.handle(),
                                                      str(keyPrefix), str(data), str(expected));
    if (status == DISPATCH_ERR_DENIED) return false;
    sdk::serviceCheck(call, status, "The host could not check a " + std::string(algorithm) + ".");
    return true;
  }
  /// Whether `header`, the value of Authorization, carries this secret as a bearer token (RFC 6750). False
  /// for a secret that is not set. Constant time.
  bool bearerMatches(const Call& call, std::string_view header, Secret secret) const {
    constexpr std::string_view scheme = "bearer ";
    if (!secret || lower(header.substr(0, scheme.size())) != scheme) return false;
    const dispatch_crypto_1& crypto = table();
    if (!DISPATCH_HAS(&crypto, dispatch_crypto_1, secret_verify))
      throw Failure::unsupported("This host cannot compare secrets: it is older than the plugin.");
    const dispatch_status status = crypto.secret_verify(_host.raw(), call.raw(), secret.handle(), str(""),
                                                        str(trim(header.substr(scheme.size()))));
    if (status == DISPATCH_ERR_DENIED) return false;
    sdk::serviceCheck(call, status, "The host could not compare a secret.");
    return true;
  }
  /// Whether `signature` is the MAC of `data` in hexadecimal digits, as X-Hub-Signature-256 has it after
  /// "sha256=". False for a secret that is not set. Constant time.
  bool hexMacMatches(const Call& call, std::string_view algorithm, Secret key, std::string_view data,
                     std::string_view signature) const {
    const auto bytes = hexDecode(signature);
    return key && bytes && macMatches(call, algorithm, key, data, *bytes);
  }
  std::string seal(const Call& call, std::string_view algorithm, Secret key,
                   std::string_view plaintext) const {
    dispatch_str out{nullptr, 0};
    sdk::serviceCheck(
        call, table().seal(_host.raw(), call.raw(), str(algorithm), key.handle(), str(plaintext), &out),
        "The host could not encrypt with this key.");
    return std::string(view(out));
  }
  /// Straight into the sink: the plaintext is never in the plugin's hands. Answers the status, for a sentence
  /// of the caller's own.
  dispatch_status open(const Call& call, std::string_view algorithm, Secret key, std::string_view ciphertext,
                       std::string_view boundPrefix, const SecretSink& sink) const {
    return table().open(_host.raw(), call.raw(), str(algorithm), key.handle(), str(ciphertext),
                        str(boundPrefix), sink.raw());
  }

 private:
  const dispatch_crypto_1& table() const { return _host.need<dispatch_crypto_1>(DISPATCH_CRYPTO_1); }
  Host _host;
};

/// The host's password store; for auth providers whose manifest asks for "dispatch.credential/1".
/// [call-thread]
class Credential {
 public:
  explicit Credential(Host host) : _host(host) {}
  enum class Verdict { right, wrong, busy };
  Verdict verify(const Call& call, std::string_view account, std::string_view password) const {
    const dispatch_status status = table().verify(_host.raw(), call.raw(), str(account), str(password));
    if (status == DISPATCH_ERR_DENIED) return Verdict::wrong;
    if (status == DISPATCH_ERR_LIMIT) return Verdict::busy;
    sdk::serviceCheck(call, status, "The host could not check the password.");
    return Verdict::right;
  }
  /// DISPATCH_OK; DENIED: the address is taken; INVALID: the host's password policy refuses (its sentence:
  /// call.reason()); LIMIT.
  dispatch_status create(const Call& call, std::string_view account, std::string_view password) const {
    return table().create(_host.raw(), call.raw(), str(account), str(password));
  }
  dispatch_status replace(const Call& call, std::string_view account, std::string_view password) const {
    return table().replace(_host.raw(), call.raw(), str(account), str(password));
  }

 private:
  const dispatch_credential_1& table() const {
    return _host.need<dispatch_credential_1>(DISPATCH_CREDENTIAL_1);
  }
  Host _host;
};

}  // namespace dispatch
