#pragma once

#include <dispatch/testing/fake_host.hpp>

#include <algorithm>

namespace dispatch::testing {

inline FakeHost::FakeHost() {
  _raw.struct_size = sizeof _raw;
  _raw.abi_minor = DISPATCH_ABI_MINOR;
  _raw.name = str("dispatch");
  _raw.version = str("0.0.0-test");
  _raw.host_data = this;
  _raw.service = [](const dispatch_host* host, dispatch_str id) -> const void* {
    const FakeHost& self = of(host);
    const auto found = self._services.find(view(id));
    return found == self._services.end() || self._withheld.contains(view(id)) ? nullptr : found->second;
  };

  _log.struct_size = sizeof _log;
  _log.write = [](const dispatch_host* host, const dispatch_call*, dispatch_log_level level,
                  dispatch_str message) {
    const std::lock_guard lock(of(host)._mutex);
    of(host).logLines.emplace_back(level, view(message));
  };
  _clock.struct_size = sizeof _clock;
  _clock.unix_ns = [](const dispatch_host* host) { return of(host).unixNs.load(); };
  _clock.monotonic_ns = [](const dispatch_host* host) { return of(host).monotonicNs.load(); };
  _clock.sleep = [](const dispatch_host* host, const dispatch_call* call,
                    std::uint64_t ns) -> dispatch_status {
    if (call->is_cancelled(call) != 0) return say(call, DISPATCH_ERR_CANCELLED, "The call was cancelled.");
    const std::uint64_t now = of(host).monotonicNs;
    const bool late = call->deadline_ns != 0 && now + ns > call->deadline_ns;
    of(host).advance(
        std::chrono::nanoseconds(late ? call->deadline_ns - std::min(now, call->deadline_ns) : ns));
    return late ? say(call, DISPATCH_ERR_TIMEOUT, "The deadline passed.") : DISPATCH_OK;
  };
  _http.struct_size = sizeof _http;
  _http.request = &httpRequest;
  _stream.struct_size = sizeof _stream;
  _stream.open = &streamOpen;
  _stream.start_tls = &streamStartTls;
  _stream.write = &streamWrite;
  _stream.read = &streamRead;
  _stream.close = [](dispatch_stream* stream) { delete reinterpret_cast<Open*>(stream); };
  makeStores();
  makeCrypto();
  makeCredential();
  makeEvents();
  makeOperations();
  _services = {{DISPATCH_LOG_1, &_log},
               {DISPATCH_CLOCK_1, &_clock},
               {DISPATCH_HTTP_1, &_http},
               {DISPATCH_STREAM_1, &_stream},
               {DISPATCH_CRYPTO_1, &_crypto},
               {DISPATCH_KV_1, &_kv},
               {DISPATCH_DIRECTORY_1, &_directory},
               {DISPATCH_CREDENTIAL_1, &_credential},
               {DISPATCH_EVENT_1, &_event},
               {DISPATCH_METRIC_1, &_metric},
               {DISPATCH_EXEC_1, &_exec},
               {DISPATCH_AUDIT_1, &_audit}};
}

inline std::optional<std::string> FakeHost::encode(const dispatch_secret_use& use) const {
  std::string out(view(use.text));
  if (use.secret == 0) return out;
  const std::string value = secretValue(use.secret);
  const std::string argument(view(use.argument));
  const std::string_view encoder = view(use.encoder);
  if (encoder == "raw") return out + value;
  if (encoder == "bearer") return out + "Bearer " + value;
  if (encoder == "basic") return out + "Basic " + base64Encode(argument + ":" + value);
  if (encoder == "base64") return out + base64Encode(value);
  if (encoder == "sasl-plain")
    return out + base64Encode(std::string(1, '\0') + argument + std::string(1, '\0') + value);
  if (encoder == "url") return out + urlEncode(value);
  if (encoder == "ldap-bind") {
    const auto element = [](char tag, const std::string& contents) {
      const std::size_t size = contents.size();
      std::string length(1, static_cast<char>(size));
      if (size >= 0x80)
        length = {'\x82', static_cast<char>(size >> 8U & 0xFFU), static_cast<char>(size & 0xFFU)};
      return tag + length + contents;
    };
    const auto space = argument.find(' ');
    const int id = std::stoi(argument);
    std::string number;
    for (int rest = id; number.empty() || rest > 0 || (number.front() & 0x80) != 0; rest >>= 8)
      number.insert(number.begin(), static_cast<char>(rest & 0xFF));
    return out +
           element('\x30', element('\x02', number) +
                               element('\x60', "\x02\x01\x03" + element('\x04', argument.substr(space + 1)) +
                                                   element('\x80', value)));
  }
  if (encoder == "json") {
    const std::string quoted = Json(value).dump();
    return out + quoted.substr(1, quoted.size() - 2);
  }
  return std::nullopt;
}

inline std::string FakeHost::encodeShown(const dispatch_secret_use& use) {
  const std::string_view encoder = view(use.encoder);
  std::string out(view(use.text));
  if (use.secret == 0) return out;
  if (encoder == "bearer") out += "Bearer ";
  if (encoder == "basic") out += "Basic ";
  return out.append(secretMark);
}

inline dispatch_status FakeHost::httpRequest(const dispatch_host* host, const dispatch_call* call,
                                             const dispatch_http_request* request,
                                             dispatch_http_response* out) {
  FakeHost& self = of(host);
  if (const dispatch_status status = self.fault(DISPATCH_HTTP_1, call); status != DISPATCH_OK) return status;
  HttpCall made{std::string(view(request->method)),
                std::string(view(request->url)),
                {},
                std::string(view(request->body))};
  HttpCall shown = made;
  for (std::uint64_t i = 0; i < request->header_count; ++i) {
    const auto value = self.encode(request->headers[i]->value);
    if (!value) return say(call, DISPATCH_ERR_UNSUPPORTED, "The host does not know this encoder.");
    made.headers.emplace_back(view(request->headers[i]->name), *value);
    shown.headers.emplace_back(view(request->headers[i]->name), encodeShown(request->headers[i]->value));
  }
  if (request->body_part_count > 0) made.body = shown.body = "";
  for (std::uint64_t i = 0; i < request->body_part_count; ++i) {
    const auto part = self.encode(*request->body_parts[i]);
    if (!part) return say(call, DISPATCH_ERR_UNSUPPORTED, "The host does not know this encoder.");
    made.body += *part;
    shown.body += encodeShown(*request->body_parts[i]);
  }
  self.httpCalls.push_back(made);
  const HttpAnswer answer =
      self._recorded ? self._recorded->answer(shown)
      : self.onHttp  ? self.onHttp(made)
                     : HttpAnswer::failed(DISPATCH_ERR_UNAVAILABLE, "Nobody listens at " + made.url + ".");
  if (answer.failure != DISPATCH_OK) return say(call, answer.failure, answer.message);

  const std::size_t count = answer.headers.size();
  auto* names = static_cast<dispatch_str*>(
      call->alloc(call, sizeof(dispatch_str) * (count + 1), alignof(dispatch_str)));
  auto* values = static_cast<dispatch_str*>(
      call->alloc(call, sizeof(dispatch_str) * (count + 1), alignof(dispatch_str)));
  if (names == nullptr || values == nullptr) return say(call, DISPATCH_ERR_LIMIT, "The answer does not fit.");
  for (std::size_t i = 0; i < count; ++i) {
    if (give(call, lower(answer.headers[i].first), &names[i]) != DISPATCH_OK) return DISPATCH_ERR_LIMIT;
    if (give(call, answer.headers[i].second, &values[i]) != DISPATCH_OK) return DISPATCH_ERR_LIMIT;
  }
  out->status = static_cast<std::uint32_t>(answer.status);
  out->header_count = count;
  out->header_names = names;
  out->header_values = values;
  out->retry_after_ms = static_cast<std::uint32_t>(answer.retryAfter.count());
  return give(call, answer.body, &out->body);
}

inline dispatch_status FakeHost::streamOpen(const dispatch_host* host, const dispatch_call* call,
                                            const dispatch_stream_options* options, dispatch_stream** out) {
  FakeHost& self = of(host);
  if (const dispatch_status status = self.fault(DISPATCH_STREAM_1, call); status != DISPATCH_OK)
    return status;
  const Connection wanted{std::string(view(options->host)), static_cast<int>(options->port),
                          options->tls != 0, options->allow_untrusted != 0};
  self.connections.push_back(wanted);
  std::unique_ptr<Peer> peer = self.onConnect ? self.onConnect(wanted) : nullptr;
  if (!peer)
    return say(call, DISPATCH_ERR_UNAVAILABLE,
               "Connection to " + wanted.host + ":" + std::to_string(wanted.port) + " refused.");
  std::string greeting = peer->greet();
  *out = reinterpret_cast<dispatch_stream*>(new Open{&self, std::move(peer), std::move(greeting)});
  return DISPATCH_OK;
}

inline dispatch_status FakeHost::streamStartTls(dispatch_stream* stream, const dispatch_call* call) {
  Open& open = *reinterpret_cast<Open*>(stream);
  if (!open.incoming.empty())
    return say(call, DISPATCH_ERR_DENIED, "The server sent more in clear before TLS began.");
  if (!open.peer->startTls())
    return say(call, DISPATCH_ERR_DENIED, "The server's certificate is not trusted.");
  return DISPATCH_OK;
}

inline dispatch_status FakeHost::streamWrite(dispatch_stream* stream, const dispatch_call* call,
                                             const dispatch_secret_use* const* parts, std::uint64_t count) {
  Open& open = *reinterpret_cast<Open*>(stream);
  if (call->is_cancelled(call) != 0) return say(call, DISPATCH_ERR_CANCELLED, "The call was cancelled.");
  if (const dispatch_status status = open.host->fault("dispatch.stream/1 write", call); status != DISPATCH_OK)
    return status;
  if (open.peer->closed()) return say(call, DISPATCH_ERR_UNAVAILABLE, "The server closed the connection.");
  std::string bytes;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto part = open.host->encode(*parts[i]);
    if (!part) return say(call, DISPATCH_ERR_UNSUPPORTED, "The host does not know this encoder.");
    bytes += *part;
  }
  open.incoming += open.peer->receive(bytes);
  return DISPATCH_OK;
}

inline dispatch_status FakeHost::streamRead(dispatch_stream* stream, const dispatch_call* call,
                                            std::uint8_t* buffer, std::uint64_t size, std::uint64_t* count) {
  Open& open = *reinterpret_cast<Open*>(stream);
  if (const dispatch_status status = open.host->fault("dispatch.stream/1 read", call); status != DISPATCH_OK)
    return status;
  if (open.incoming.empty() && !open.peer->closed())
    return say(call, DISPATCH_ERR_TIMEOUT, "The server did not answer in time.");
  *count = std::min<std::uint64_t>(size, open.incoming.size());
  std::copy_n(open.incoming.begin(), *count, buffer);
  open.incoming.erase(0, static_cast<std::size_t>(*count));
  return DISPATCH_OK;
}

inline void FakeHost::makeStores() {
  _kv.struct_size = sizeof _kv;
  _kv.get = [](const dispatch_host* host, const dispatch_call* call, dispatch_str key,
               dispatch_str* out) -> dispatch_status {
    if (const dispatch_status status = of(host).fault(DISPATCH_KV_1, call); status != DISPATCH_OK)
      return status;
    const auto found = of(host).kv.find(view(key));
    return found == of(host).kv.end() ? DISPATCH_ERR_NOT_FOUND : give(call, found->second, out);
  };
  _kv.put = [](const dispatch_host* host, const dispatch_call* call, dispatch_str key,
               dispatch_str value) -> dispatch_status {
    if (const dispatch_status status = of(host).fault(DISPATCH_KV_1, call); status != DISPATCH_OK)
      return status;
    if (key.len > 256 || value.len > 65536)
      return say(call, DISPATCH_ERR_LIMIT, "The key or the value is too long.");
    of(host).kv.insert_or_assign(std::string(view(key)), std::string(view(value)));
    return DISPATCH_OK;
  };
  _kv.remove = [](const dispatch_host* host, const dispatch_call* call, dispatch_str key) -> dispatch_status {
    if (const dispatch_status status = of(host).fault(DISPATCH_KV_1, call); status != DISPATCH_OK)
      return status;
    return of(host).kv.erase(std::string(view(key))) > 0 ? DISPATCH_OK : DISPATCH_ERR_NOT_FOUND;
  };
  _kv.list = [](const dispatch_host* host, const dispatch_call* call, dispatch_str prefix,
                dispatch_str* out) -> dispatch_status {
    if (const dispatch_status status = of(host).fault(DISPATCH_KV_1, call); status != DISPATCH_OK)
      return status;
    Json keys = Json::array();
    for (const auto& [key, value] : of(host).kv)
      if (key.starts_with(view(prefix))) keys.push_back(key);
    return give(call, keys.dump(), out);
  };
  _directory.struct_size = sizeof _directory;
  _directory.query = [](const dispatch_host* host, const dispatch_call* call, dispatch_str what,
                        dispatch_str text, dispatch_str* out) -> dispatch_status {
    FakeHost& self = of(host);
    if (const dispatch_status status = self.fault(DISPATCH_DIRECTORY_1, call); status != DISPATCH_OK)
      return status;
    const Json query = Json::parse(view(text));
    self.directoryQueries.emplace_back(view(what), query);
    Json answer = Json::array();
    const auto found = self.directory.find(view(what));
    if (found != self.directory.end())
      for (const Json& object : found->second)
        if ((!query.contains("email") ||
             lower(object.value("email", "")) == lower(query["email"].get<std::string>())) &&
            answer.size() < query.value("limit", 100U))
          answer.push_back(object);
    return give(call, answer.dump(), out);
  };
}

inline void FakeHost::makeCrypto() {
  _crypto.struct_size = sizeof _crypto;
  _crypto.random = [](const dispatch_host*, std::uint8_t* buffer, std::uint64_t size) -> dispatch_status {
    for (std::uint64_t i = 0; i < size; ++i) buffer[i] = static_cast<std::uint8_t>(i * 167 + 13);
    return DISPATCH_OK;
  };
  _crypto.hash = [](const dispatch_host*, const dispatch_call* call, dispatch_str algorithm,
                    dispatch_str data, dispatch_str* out) -> dispatch_status {
    if (view(algorithm) != "sha256")
      return say(call, DISPATCH_ERR_UNSUPPORTED, "The fake host hashes with sha256 only.");
    return give(call, sha256(view(data)), out);
  };
  _crypto.mac = [](const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                   dispatch_secret_handle key, dispatch_str prefix, dispatch_str data,
                   dispatch_str* out) -> dispatch_status {
    if (view(algorithm) != "hmac-sha256")
      return say(call, DISPATCH_ERR_UNSUPPORTED, "The fake host knows hmac-sha256 only.");
    return give(call, hmacSha256(std::string(view(prefix)) + of(host).secretValue(key), view(data)), out);
  };
  _crypto.mac_verify = [](const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                          dispatch_secret_handle key, dispatch_str prefix, dispatch_str data,
                          dispatch_str expected) -> dispatch_status {
    if (view(algorithm) != "hmac-sha256")
      return say(call, DISPATCH_ERR_UNSUPPORTED, "The fake host knows hmac-sha256 only.");
    const std::string right = hmacSha256(std::string(view(prefix)) + of(host).secretValue(key), view(data));
    return right == view(expected) ? DISPATCH_OK : DISPATCH_ERR_DENIED;
  };
  _crypto.secret_verify = [](const dispatch_host* host, const dispatch_call*, dispatch_secret_handle secret,
                             dispatch_str prefix, dispatch_str given) -> dispatch_status {
    const std::string value = of(host).secretValue(secret);
    return !value.empty() && std::string(view(prefix)) + value == view(given) ? DISPATCH_OK
                                                                              : DISPATCH_ERR_DENIED;
  };
  // Not encryption: an envelope that only the same key opens, which is all that a plugin's test can see.
  _crypto.seal = [](const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                    dispatch_secret_handle key, dispatch_str plaintext,
                    dispatch_str* out) -> dispatch_status {
    if (view(algorithm) != "sealed-box")
      return say(call, DISPATCH_ERR_UNSUPPORTED, "The fake host knows sealed-box only.");
    std::string envelope =
        sha256(of(host).secretValue(key)) + std::string(16, '\0');  // as long as a sealed box adds
    for (const char c : view(plaintext)) envelope += static_cast<char>(c ^ 0x5A);
    return give(call, envelope, out);
  };
  _crypto.open = [](const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                    dispatch_secret_handle key, dispatch_str ciphertext, dispatch_str bound,
                    const dispatch_secret_sink* sink) -> dispatch_status {
    if (view(algorithm) != "sealed-box")
      return say(call, DISPATCH_ERR_UNSUPPORTED, "The fake host knows sealed-box only.");
    const std::string_view envelope = view(ciphertext);
    if (envelope.size() < 48 || !envelope.starts_with(sha256(of(host).secretValue(key))))
      return say(call, DISPATCH_ERR_DENIED, "The key is another one.");
    std::string plaintext;
    for (const char c : envelope.substr(48)) plaintext += static_cast<char>(c ^ 0x5A);
    if (!plaintext.starts_with(view(bound)))
      return say(call, DISPATCH_ERR_DENIED, "It was made for another name.");
    plaintext.erase(0, static_cast<std::size_t>(bound.len));
    std::uint8_t* buffer = sink->buffer(sink, plaintext.size());
    if (buffer == nullptr) return say(call, DISPATCH_ERR_INVALID, "The secret is empty or too long.");
    std::memcpy(buffer, plaintext.data(), plaintext.size());
    return DISPATCH_OK;
  };
}

/// Keys count once, reports make incidents, updates change their status unless it is Closed; the server does
/// the same and more.
inline void FakeHost::makeEvents() {
  _event.struct_size = sizeof _event;
  _event.submit = [](const dispatch_host* host, const dispatch_call* call, const dispatch_event* event,
                     dispatch_str* out) -> dispatch_status {
    FakeHost& self = of(host);
    if (const dispatch_status status = self.fault(DISPATCH_EVENT_1, call); status != DISPATCH_OK)
      return status;
    const std::string type(view(event->type)), key(view(event->deduplication_key));
    const Json made{{"type", type},
                    {"actor", view(event->actor)},
                    {"subject", view(event->subject)},
                    {"key", key},
                    {"data", Json::parse(view(event->data_json))}};
    self.events.push_back(made);
    try {
      if (self.onEvent) return give(call, self.onEvent(made).dump(), out);
    } catch (const Failure& failure) {
      return say(call, failure.status(), failure.message());
    }
    if (key.empty()) return say(call, DISPATCH_ERR_INVALID, "The event has no de-duplication key.");
    const bool reports = type == "incident.report";
    const std::string of = reports ? key : std::string(view(event->subject));
    auto incident = self.incidents.find(of);
    if (incident == self.incidents.end()) {
      if (!reports) return say(call, DISPATCH_ERR_NOT_FOUND, "No incident was reported under this key.");
      const std::size_t number = self.incidents.size() + 1;
      incident = self.incidents
                     .emplace(of, Json{{"id", number},
                                       {"name", "dispatch-test-" + std::to_string(number)},
                                       {"status", "Active"}})
                     .first;
    }
    const auto [known, fresh] = self._eventIds.emplace(key, std::to_string(self._eventIds.size() + 1));
    if (fresh && type == "incident.update" && incident->second["status"] != "Closed")
      incident->second["status"] = made["data"].at("status");
    return give(
        call, Json{{"id", known->second}, {"duplicate", !fresh}, {"incident", incident->second}}.dump(), out);
  };
}

inline void FakeHost::makeOperations() {
  _metric.struct_size = sizeof _metric;
  _metric.record = [](const dispatch_host* host, dispatch_str name, const dispatch_str* labels,
                      std::uint64_t count, double value) {
    Json values = Json::array();
    for (std::uint64_t i = 0; i < count; ++i) values.push_back(view(labels[i]));
    FakeHost& self = of(host);
    const std::lock_guard lock(self._mutex);
    self.metrics.push_back({{"name", view(name)}, {"value", value}, {"labels", values}});
  };
  _exec.struct_size = sizeof _exec;
  _exec.run = [](const dispatch_host* host, const dispatch_call* call, dispatch_str name, dispatch_str input,
                 dispatch_exec_result* out) -> dispatch_status {
    FakeHost& self = of(host);
    if (const dispatch_status status = self.fault(DISPATCH_EXEC_1, call); status != DISPATCH_OK)
      return status;
    const auto found = self.commands.find(view(name));
    if (found == self.commands.end())
      return say(call, DISPATCH_ERR_DENIED, "The operator has not said what this command runs.");
    const CommandResult result = found->second(std::string(view(input)));
    out->exit_code = result.exitCode;
    const dispatch_status status = give(call, result.output, &out->output);
    return status == DISPATCH_OK ? give(call, result.errorOutput, &out->error_output) : status;
  };
  _audit.struct_size = sizeof _audit;
  _audit.record = [](const dispatch_host* host, const dispatch_call* call, dispatch_str action,
                     dispatch_str subject, dispatch_str details) -> dispatch_status {
    FakeHost& self = of(host);
    if (const dispatch_status status = self.fault(DISPATCH_AUDIT_1, call); status != DISPATCH_OK)
      return status;
    if (action.len == 0 || subject.len == 0)
      return say(call, DISPATCH_ERR_INVALID, "An audit entry needs an action and a subject.");
    const Json given = details.len == 0 ? Json::object() : Json::parse(view(details), nullptr, false);
    if (!given.is_object()) return say(call, DISPATCH_ERR_INVALID, "The details must be a JSON object.");
    self.audited.push_back({{"action", view(action)}, {"subject", view(subject)}, {"details", given}});
    return DISPATCH_OK;
  };
}

inline void FakeHost::makeCredential() {
  _credential.struct_size = sizeof _credential;
  _credential.verify = [](const dispatch_host* host, const dispatch_call* call, dispatch_str account,
                          dispatch_str password) -> dispatch_status {
    FakeHost& self = of(host);
    if (const dispatch_status status = self.fault(DISPATCH_CREDENTIAL_1, call); status != DISPATCH_OK)
      return status;
    if (self.credentialBusy) return say(call, DISPATCH_ERR_LIMIT, "Too many passwords are being checked.");
    const auto found = self.accounts.find(lower(view(account)));
    return found != self.accounts.end() && found->second == view(password) ? DISPATCH_OK
                                                                           : DISPATCH_ERR_DENIED;
  };
  _credential.create = [](const dispatch_host* host, const dispatch_call* call, dispatch_str account,
                          dispatch_str password) -> dispatch_status {
    FakeHost& self = of(host);
    if (const dispatch_status status = self.fault(DISPATCH_CREDENTIAL_1, call); status != DISPATCH_OK)
      return status;
    if (self.credentialBusy) return say(call, DISPATCH_ERR_LIMIT, "Too many passwords are being checked.");
    const std::string refusal = self.passwordPolicy ? self.passwordPolicy(std::string(view(password))) : "";
    if (!refusal.empty()) return say(call, DISPATCH_ERR_INVALID, refusal);
    if (!self.accounts.emplace(lower(view(account)), std::string(view(password))).second)
      return say(call, DISPATCH_ERR_DENIED, "The address is taken.");
    return DISPATCH_OK;
  };
  _credential.replace = [](const dispatch_host* host, const dispatch_call* call, dispatch_str account,
                           dispatch_str password) -> dispatch_status {
    FakeHost& self = of(host);
    if (const dispatch_status status = self.fault(DISPATCH_CREDENTIAL_1, call); status != DISPATCH_OK)
      return status;
    const std::string refusal = self.passwordPolicy ? self.passwordPolicy(std::string(view(password))) : "";
    if (!refusal.empty()) return say(call, DISPATCH_ERR_INVALID, refusal);
    const auto found = self.accounts.find(lower(view(account)));
    if (found == self.accounts.end()) return say(call, DISPATCH_ERR_NOT_FOUND, "There is no such account.");
    found->second = std::string(view(password));
    return DISPATCH_OK;
  };
}

}  // namespace dispatch::testing
