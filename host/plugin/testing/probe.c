/* A plugin that does what its tests ask for, right and wrong. Plain C on purpose: the boundary needs no C++.
 */
#define _POSIX_C_SOURCE 200809L
#include <dispatch/abi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef PROBE_ID
#define PROBE_ID "probe"
#endif
#ifndef PROBE_VERSION
#define PROBE_VERSION "1.0.0"
#endif

struct dispatch_instance {
  const dispatch_host* host;
  char config[8192];
  dispatch_secret_handle secret;
  int starts;
  atomic_int running, most;
};

static dispatch_str str(const char* text) {
  dispatch_str s = {text, strlen(text)};
  return s;
}

static int is(dispatch_str s, const char* text) {
  return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static void pause_ms(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
  nanosleep(&t, NULL);
}

/* The text of "name":"…" in a line of JSON, as far as tests need it: no escapes. */
static const char* field(dispatch_str json, const char* name, char* buffer, size_t size) {
  char key[64];
  buffer[0] = '\0';
  snprintf(key, sizeof key, "\"%s\":\"", name);
  for (uint64_t i = 0; i + strlen(key) < json.len; ++i) {
    if (memcmp(json.ptr + i, key, strlen(key)) != 0) continue;
    size_t n = 0;
    for (i += strlen(key); i < json.len && json.ptr[i] != '"' && n + 1 < size; ++i) buffer[n++] = json.ptr[i];
    buffer[n] = '\0';
    return buffer;
  }
  return buffer;
}

static long number(dispatch_str json, const char* name) {
  char buffer[32];
  return strtol(field(json, name, buffer, sizeof buffer), NULL, 10);
}

static dispatch_status answer(const dispatch_call* call, dispatch_str* out, const char* text) {
  size_t size = strlen(text);
  char* bytes = call->alloc(call, size, 1);
  if (bytes == NULL) return call->fail(call, DISPATCH_ERR_LIMIT, str("no memory in the call"), 0);
  memcpy(bytes, text, size);
  out->ptr = bytes;
  out->len = size;
  return DISPATCH_OK;
}

/* --- pending calls
 * -------------------------------------------------------------------------------------------------- */

struct job {
  const dispatch_call* call;
  long ms;
  int times;
};

static void complete_ok(const dispatch_call* call) {
  dispatch_str* out = call->alloc(call, sizeof *out, 8);
  if (out == NULL || answer(call, out, "{\"ok\":true,\"late\":true}") != DISPATCH_OK)
    call->complete(call, DISPATCH_ERR_LIMIT, NULL);
  else
    call->complete(call, DISPATCH_OK, out);
}

static void* work(void* argument) {
  struct job job = *(struct job*)argument;
  free(argument);
  pause_ms(job.ms);
  complete_ok(job.call);
  for (int i = 1; i < job.times; ++i) job.call->complete(job.call, DISPATCH_ERR_DENIED, NULL);
  return NULL;
}

static dispatch_status later(const dispatch_call* call, long ms, int times) {
  struct job* job = malloc(sizeof *job);
  pthread_t thread;
  job->call = call;
  job->ms = ms;
  job->times = times;
  if (pthread_create(&thread, NULL, work, job) != 0) abort();
  pthread_detach(thread);
  return DISPATCH_PENDING;
}

static void stop_pending(void* user) {
  const dispatch_call* call = user;
  call->fail(call, DISPATCH_ERR_UNCERTAIN, str("stopped after two of three steps"), 0);
  call->complete(call, DISPATCH_ERR_UNCERTAIN, NULL);
}

static void set_flag(void* user) { atomic_store((atomic_int*)user, 1); }

/* --- services
 * ------------------------------------------------------------------------------------------------------- */

static dispatch_status http(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                            dispatch_str* out) {
  const dispatch_http_1* service = self->host->service(self->host, str(DISPATCH_HTTP_1));
  if (service == NULL) return call->fail(call, DISPATCH_ERR_UNSUPPORTED, str("no http service"), 0);
  char url[2048], method[16], body[256], name[64], encoder[32];
  field(in, "url", url, sizeof url);
  field(in, "method", method, sizeof method);
  field(in, "body", body, sizeof body);
  field(in, "header", name, sizeof name);
  field(in, "encoder", encoder, sizeof encoder);

  dispatch_http_header header = {sizeof header, 0, str(name), {0}};
  header.value.struct_size = sizeof header.value;
  header.value.secret = self->secret;
  header.value.encoder = str(encoder[0] ? encoder : "bearer");
  header.value.argument = str("me");
  const dispatch_http_header* headers[1] = {&header};

  dispatch_http_request request = {0};
  request.struct_size = sizeof request;
  request.max_redirects = (uint32_t)number(in, "redirects");
  request.method = str(method[0] ? method : "GET");
  request.url = str(url);
  request.headers = headers;
  request.header_count = name[0] ? 1 : 0;
  request.body = str(body);
  request.max_answer = (uint64_t)number(in, "max");
  dispatch_http_response response = {0};
  response.struct_size = sizeof response;
  dispatch_status status = service->request(self->host, call, &request, &response);
  if (status != DISPATCH_OK) return status;

  char* text = malloc(response.body.len + 4096);
  int n = sprintf(text, "{\"ok\":true,\"status\":%u,\"retry\":%u,\"headers\":{", response.status,
                  response.retry_after_ms);
  for (uint64_t i = 0; i < response.header_count && n < 3000; ++i)
    n += sprintf(text + n, "%s\"%.*s\":\"%.*s\"", i ? "," : "", (int)response.header_names[i].len,
                 response.header_names[i].ptr, (int)response.header_values[i].len,
                 response.header_values[i].ptr);
  n += sprintf(text + n, "},\"body\":\"%.*s\"}", (int)response.body.len,
               response.body.ptr ? response.body.ptr : "");
  text[n] = '\0';
  status = answer(call, out, text);
  free(text);
  return status;
}

struct pieces {
  int left;
  size_t size;
  char taken[4096];
};

static dispatch_status give_piece(void* user, uint8_t* buffer, uint64_t size, uint64_t* count) {
  struct pieces* pieces = user;
  *count = pieces->left > 0 && size >= 6 ? 6 : 0;
  if (*count) memcpy(buffer, "piece;", 6);
  --pieces->left;
  return DISPATCH_OK;
}

static dispatch_status take_piece(void* user, const uint8_t* data, uint64_t size) {
  struct pieces* pieces = user;
  if (pieces->size + size >= sizeof pieces->taken) return DISPATCH_ERR_LIMIT;
  memcpy(pieces->taken + pieces->size, data, size);
  pieces->size += size;
  return DISPATCH_OK;
}

/* A body that is sent and an answer that is taken in pieces. */
static dispatch_status http_pieces(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                                   dispatch_str* out) {
  const dispatch_http_1* service = self->host->service(self->host, str(DISPATCH_HTTP_1));
  char url[2048], text[8192];
  struct pieces pieces = {(int)number(in, "pieces"), 0, {0}};
  dispatch_http_request request = {0};
  request.struct_size = sizeof request;
  request.method = str("POST");
  request.url = str(field(in, "url", url, sizeof url));
  request.body_read = give_piece;
  request.body_user = &pieces;
  request.body_size = number(in, "size") ? (uint64_t)number(in, "size") : UINT64_MAX;
  request.answer_write = take_piece;
  request.answer_user = &pieces;
  dispatch_http_response response = {0};
  response.struct_size = sizeof response;
  dispatch_status status = service->request(self->host, call, &request, &response);
  if (status != DISPATCH_OK) return status;
  snprintf(text, sizeof text, "{\"ok\":true,\"status\":%u,\"taken\":\"%.*s\"}", response.status,
           (int)pieces.size, pieces.taken);
  return answer(call, out, text);
}

static dispatch_status send_text(const dispatch_stream_1* service, dispatch_stream* stream,
                                 const dispatch_call* call, const char* text) {
  dispatch_secret_use part = {0};
  part.struct_size = sizeof part;
  part.text = str(text);
  const dispatch_secret_use* parts[1] = {&part};
  return service->write(stream, call, parts, 1);
}

/* Speaks a little of what SMTP does: "before" as it is, then TLS if asked for, then "after" with the secret
 * by SASL PLAIN. */
static dispatch_status stream(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                              dispatch_str* out) {
  const dispatch_stream_1* service = self->host->service(self->host, str(DISPATCH_STREAM_1));
  if (service == NULL) return call->fail(call, DISPATCH_ERR_UNSUPPORTED, str("no stream service"), 0);
  char host[256], before[80], after[64];
  dispatch_stream_options options = {0};
  options.struct_size = sizeof options;
  options.host = str(field(in, "host", host, sizeof host));
  options.port = (uint32_t)number(in, "port");
  options.tls = (uint32_t)number(in, "tls");
  options.allow_untrusted = (uint32_t)number(in, "untrusted");
  dispatch_stream* stream = NULL;
  dispatch_status status = service->open(self->host, call, &options, &stream);
  if (status != DISPATCH_OK) return status;
  uint8_t buffer[256] = {0};
  uint64_t count = 0;
  field(in, "before", before, sizeof before - 3);
  field(in, "after", after, sizeof after);
  if (before[0]) {
    strcat(before, "\r\n");
    status = send_text(service, stream, call, before);
    if (status == DISPATCH_OK) status = service->read(stream, call, buffer, 3, &count);
    if (status == DISPATCH_OK) pause_ms(50); /* time for what else the server sends */
    if (status == DISPATCH_OK) status = service->start_tls(stream, call);
  }
  if (status == DISPATCH_OK && after[0]) {
    dispatch_secret_use part = {0};
    part.struct_size = sizeof part;
    part.text = str(after);
    part.secret = self->secret;
    part.encoder = str("sasl-plain");
    part.argument = str("me");
    const dispatch_secret_use* parts[1] = {&part};
    status = service->write(stream, call, parts, 1);
  }
  if (status == DISPATCH_OK) status = service->read(stream, call, buffer, sizeof buffer - 1, &count);
  if (!number(in, "leave")) service->close(stream);
  if (status != DISPATCH_OK) return status;
  char text[512];
  snprintf(text, sizeof text, "{\"ok\":true,\"read\":\"%.*s\"}", (int)count, (char*)buffer);
  return answer(call, out, text);
}

static dispatch_status hex(const dispatch_call* call, dispatch_str bytes, dispatch_str* out) {
  char text[512] = "{\"ok\":true,\"hex\":\"";
  for (uint64_t i = 0; i < bytes.len && i < 128; ++i)
    sprintf(text + strlen(text), "%02x", (unsigned char)bytes.ptr[i]);
  strcat(text, "\"}");
  return answer(call, out, text);
}

static dispatch_status crypto(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                              dispatch_str* out) {
  const dispatch_crypto_1* service = self->host->service(self->host, str(DISPATCH_CRYPTO_1));
  char what[32], data[128], prefix[64];
  field(in, "what", what, sizeof what);
  field(in, "data", data, sizeof data);
  field(in, "prefix", prefix, sizeof prefix);
  dispatch_str result = {0};
  dispatch_status status =
      strncmp(what, "hmac", 4) == 0
          ? service->mac(self->host, call, str(what), self->secret, str(prefix), str(data), &result)
          : service->hash(self->host, call, str(what), str(data), &result);
  return status == DISPATCH_OK ? hex(call, result, out) : status;
}

static dispatch_status kv(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                          dispatch_str* out) {
  const dispatch_kv_1* service = self->host->service(self->host, str(DISPATCH_KV_1));
  char what[16], key[512], value[64];
  field(in, "what", what, sizeof what);
  field(in, "key", key, sizeof key);
  field(in, "value", value, sizeof value);
  if (strcmp(what, "put") == 0) {
    dispatch_status status = service->put(self->host, call, str(key), str(value));
    return status == DISPATCH_OK ? answer(call, out, "{\"ok\":true}") : status;
  }
  dispatch_str found = {0};
  dispatch_status status = strcmp(what, "list") == 0 ? service->list(self->host, call, str(key), &found)
                                                     : service->get(self->host, call, str(key), &found);
  if (status != DISPATCH_OK) return status;
  char text[512];
  snprintf(text, sizeof text,
           strcmp(what, "list") == 0 ? "{\"ok\":true,\"keys\":%.*s}" : "{\"ok\":true,\"value\":\"%.*s\"}",
           (int)found.len, found.ptr);
  return answer(call, out, text);
}

/* --- metric, exec, audit */

static dispatch_status metric(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                              dispatch_str* out) {
  char name[64], label[128];
  const dispatch_metric_1* metrics = self->host->service(self->host, str(DISPATCH_METRIC_1));
  field(in, "name", name, sizeof name);
  field(in, "label", label, sizeof label);
  const dispatch_str labels[] = {str(label)};
  metrics->record(self->host, str(name), labels, label[0] == '\0' ? 0 : 1,
                  (double)number(in, "thousandths") / 1000);
  return answer(call, out, "{\"ok\":true}");
}

static dispatch_status exec(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                            dispatch_str* out) {
  char name[64], input[128], text[4096];
  const dispatch_exec_1* commands = self->host->service(self->host, str(DISPATCH_EXEC_1));
  if (commands == NULL) return call->fail(call, DISPATCH_ERR_UNSUPPORTED, str("no commands"), 0);
  field(in, "name", name, sizeof name);
  field(in, "input", input, sizeof input);
  dispatch_exec_result result = {sizeof result, 0, {NULL, 0}, {NULL, 0}};
  dispatch_status status = commands->run(self->host, call, str(name), str(input), &result);
  if (status != DISPATCH_OK) return status;
  snprintf(text, sizeof text, "{\"ok\":true,\"code\":%d,\"output\":\"%.*s\",\"errors\":\"%.*s\"}",
           result.exit_code, (int)result.output.len, result.output.ptr, (int)result.error_output.len,
           result.error_output.ptr);
  return answer(call, out, text);
}

static dispatch_status audit(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                             dispatch_str* out) {
  char action[128], subject[256];
  const dispatch_audit_1* entries = self->host->service(self->host, str(DISPATCH_AUDIT_1));
  field(in, "action", action, sizeof action);
  field(in, "subject", subject, sizeof subject);
  dispatch_status status = entries->record(self->host, call, str(action), str(subject), in);
  return status == DISPATCH_OK ? answer(call, out, "{\"ok\":true}") : status;
}

/* --- integration
 * ---------------------------------------------------------------------------------------------------- */

static dispatch_status invoke(dispatch_instance* self, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  static const char literal[] = "{\"ok\":true}";
  if (is(method, "nothing")) return answer(call, out, literal);
  if (is(method, "echo")) {
    char* copy = call->alloc(call, in.len, 1);
    memcpy(copy, in.ptr, in.len);
    out->ptr = copy;
    out->len = in.len;
    return DISPATCH_OK;
  }
  if (is(method, "hang")) {
    for (int i = 0; i < 5000 && !call->is_cancelled(call); ++i) pause_ms(1);
    return call->fail(call, DISPATCH_ERR_TIMEOUT, str("gave up when told to"), 0);
  }
  if (is(method, "pushed")) {
    atomic_int flag = 0;
    call->on_cancel(call, set_flag, &flag);
    for (int i = 0; i < 5000 && !atomic_load(&flag); ++i) pause_ms(1);
    call->on_cancel(call, NULL, NULL);
    return call->fail(call, DISPATCH_ERR_UNCERTAIN, str(atomic_load(&flag) ? "was told" : "was never told"),
                      0);
  }
  if (is(method, "sleep")) {
    const dispatch_clock_1* clock = self->host->service(self->host, str(DISPATCH_CLOCK_1));
    return clock->sleep(self->host, call, 5000000000u);
  }
  if (is(method, "slow")) { /* deaf to its deadline */
    pause_ms(number(in, "ms"));
    return answer(call, out, literal);
  }
  if (is(method, "pending")) return later(call, number(in, "ms"), 1);
  if (is(method, "twice")) return later(call, 10, 2);
  if (is(method, "at_once")) {
    complete_ok(call);
    return DISPATCH_PENDING;
  }
  if (is(method, "pending_told")) {
    call->on_cancel(call, stop_pending, (void*)call);
    return DISPATCH_PENDING;
  }
  if (is(method, "count")) {
    int now = atomic_fetch_add(&self->running, 1) + 1, most = atomic_load(&self->most);
    while (now > most && !atomic_compare_exchange_weak(&self->most, &most, now)) continue;
    pause_ms(20);
    atomic_fetch_sub(&self->running, 1);
    char text[64];
    snprintf(text, sizeof text, "{\"ok\":true,\"most\":%d}", atomic_load(&self->most));
    return answer(call, out, text);
  }
  if (is(method, "invalid_json")) return answer(call, out, "{\"ok\":tru");
  if (is(method, "breaks_contract")) return answer(call, out, "{\"ok\":\"yes\"}");
  if (is(method, "breaks_contract_once")) return answer(call, out, "{\"ok\":\"yes\"}");
  if (is(method, "no_answer")) return DISPATCH_OK;
  if (is(method, "null_with_length")) {
    out->ptr = NULL;
    out->len = 10;
    return DISPATCH_OK;
  }
  if (is(method, "huge_length")) {
    answer(call, out, literal);
    out->len = (uint64_t)1 << 40;
    return DISPATCH_OK;
  }
  if (is(method, "foreign_memory")) {
    *out = str(literal);
    return DISPATCH_OK;
  }
  if (is(method, "alloc")) {
    void* big = call->alloc(call, (uint64_t)number(in, "bytes"), 16);
    if (big == NULL) return call->fail(call, DISPATCH_ERR_LIMIT, str("the host refused"), 0);
    memset(big, 1, (size_t)number(in, "bytes"));
    return answer(call, out, literal);
  }
  if (is(method, "unknown_status")) return -77;
  if (is(method, "positive_status")) return 42;
  if (is(method, "silent")) return DISPATCH_ERR_DENIED;
  if (is(method, "busy")) return call->fail(call, DISPATCH_ERR_UNAVAILABLE, str("come back\nlater"), 7000);
  if (is(method, "key")) {
    char text[256];
    snprintf(text, sizeof text, "{\"ok\":true,\"key\":\"%.*s\"}", (int)call->idempotency_key.len,
             call->idempotency_key.ptr ? call->idempotency_key.ptr : "");
    return answer(call, out, text);
  }
  if (is(method, "config")) {
    char text[9000];
    snprintf(text, sizeof text, "{\"ok\":true,\"config\":%s}", self->config);
    return answer(call, out, text);
  }
  if (is(method, "log")) {
    const dispatch_log_1* log = self->host->service(self->host, str(DISPATCH_LOG_1));
    for (long i = 0; i < number(in, "lines"); ++i)
      log->write(self->host, call, DISPATCH_LOG_INFO, str("a line\nof \x1b[31mtwo"));
    return answer(call, out, literal);
  }
  if (is(method, "credential")) {
    return answer(
        call, out,
        self->host->service(self->host, str(DISPATCH_CREDENTIAL_1)) ? "{\"ok\":true}" : "{\"ok\":false}");
  }
  if (is(method, "directory")) {
    const dispatch_directory_1* directory = self->host->service(self->host, str(DISPATCH_DIRECTORY_1));
    dispatch_str found = {0};
    dispatch_status status = directory->query(self->host, call, str("individuals"), in, &found);
    if (status != DISPATCH_OK) return status;
    char text[1024];
    snprintf(text, sizeof text, "{\"ok\":true,\"found\":%.*s}", (int)found.len, found.ptr);
    return answer(call, out, text);
  }
  if (is(method, "crash")) {
    volatile int* nowhere = NULL;
    *nowhere = 1;
    return DISPATCH_OK;
  }
  if (is(method, "http_pieces")) return http_pieces(self, call, in, out);
  if (is(method, "http")) return http(self, call, in, out);
  if (is(method, "stream")) return stream(self, call, in, out);
  if (is(method, "crypto")) return crypto(self, call, in, out);
  if (is(method, "kv")) return kv(self, call, in, out);
  if (is(method, "metric")) return metric(self, call, in, out);
  if (is(method, "exec")) return exec(self, call, in, out);
  if (is(method, "audit")) return audit(self, call, in, out);
  return DISPATCH_ERR_UNSUPPORTED;
}

#define METHOD(name, effect)                     \
  static const dispatch_method method_##name = { \
      sizeof(dispatch_method), effect, 1, 0, {#name, sizeof #name - 1}};
/* clang-format off */
#define METHODS(X) \
  X(echo, 1) \
  X(hang, 1) \
  X(pushed, 1) X(sleep, 1) X(slow, 1) X(pending, 1) X(twice, 1) X(at_once, 1) X(pending_told, 4) X(count, 1) \
      X(invalid_json, 1) X(breaks_contract, 1) X(breaks_contract_once, 4) X(no_answer, 1) \
          X(null_with_length, 1) X(huge_length, 1) X(foreign_memory, 1) X(alloc, 1) X(unknown_status, 1) \
              X(positive_status, 1) X(silent, 1) X(busy, 1) X(key, 2) X(config, 1) X(log, 1) \
                  X(credential, 1) X(directory, 1) X(crash, 1) X(http, 4) X(stream, 4) X(crypto, 1) X(kv, 2) \
                      X(nothing, 1) X(http_pieces, 4) X(metric, 1) X(exec, 4) X(audit, 4) X(future_effect, 99)
/* clang-format on */
METHODS(METHOD)
#define POINTER(name, effect) &method_##name,
static const dispatch_method* const methods[] = {METHODS(POINTER)};

static const dispatch_integration_1 integration = {sizeof(dispatch_integration_1),
                                                   sizeof methods / sizeof methods[0], methods, invoke};

/* --- health, auth, secret
 * ------------------------------------------------------------------------------------------- */

static dispatch_status test(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                            dispatch_str* out) {
  char what[16];
  (void)self;
  field(in, "what", what, sizeof what);
  return answer(call, out,
                strcmp(what, "wrong") == 0
                    ? "{\"checks\":[{\"name\":\"a\"}]}"
                    : "{\"summary\":\"works\",\"checks\":[{\"name\":\"a\",\"ok\":true,\"detail\":\"\"}]}");
}
static const dispatch_health_1 health = {sizeof(dispatch_health_1), 0, test};

static dispatch_status describe(dispatch_instance* self, const dispatch_call* call, dispatch_str* out) {
  (void)self;
  return answer(call, out, "{\"title\":\"Probe\",\"actions\":[\"login\"],\"forms\":{}}");
}

static dispatch_status authenticate(dispatch_instance* self, const dispatch_call* call,
                                    const dispatch_auth_request* request, dispatch_auth_result* out) {
  char what[32];
  dispatch_str text = {0};
  (void)self;
  field(request->fields_json, "what", what, sizeof what);
  answer(call, &text, "probe-subject");
  out->subject = text;
  if (strcmp(what, "no_issuer") != 0) out->issuer = text;
  out->email_verified = 1;
  out->kind = DISPATCH_AUTH_IDENTITY;
  if (strcmp(what, "identity_but_denied") == 0) return DISPATCH_ERR_DENIED;
  if (strcmp(what, "unknown_kind") == 0) out->kind = 77;
  if (strcmp(what, "positive_status") == 0) return 1000;
  if (strcmp(what, "script_redirect") == 0) {
    out->kind = DISPATCH_AUTH_REDIRECT;
    answer(call, &out->redirect_url, "javascript:alert(1)");
  }
  if (strcmp(what, "deny") == 0) {
    out->kind = DISPATCH_AUTH_DENY;
    answer(call, &out->message, "Not you");
    answer(call, &out->field, "password");
  }
  return DISPATCH_OK;
}
static const dispatch_auth_1 auth = {sizeof(dispatch_auth_1), 0, describe, authenticate};

static dispatch_status decrypt(dispatch_instance* self, const dispatch_call* call, dispatch_str name,
                               dispatch_str stored, const dispatch_secret_sink* sink) {
  (void)name;
  if (is(stored, "none")) return DISPATCH_OK;
  const dispatch_crypto_1* service = self->host->service(self->host, str(DISPATCH_CRYPTO_1));
  if (is(stored, "own-sink")) {
    dispatch_secret_sink own = *sink;
    return service->open(self->host, call, str("sealed-box"), self->secret, stored, str(""), &own);
  }
  uint8_t* target = sink->buffer(sink, stored.len);
  if (target == NULL || sink->buffer(sink, stored.len) != NULL)
    return call->fail(call, DISPATCH_ERR_INTERNAL, str("the sink is wrong"), 0);
  for (uint64_t i = 0; i < stored.len; ++i) target[i] = (uint8_t)stored.ptr[stored.len - 1 - i];
  return DISPATCH_OK;
}
static dispatch_status encrypt(dispatch_instance* self, const dispatch_call* call, dispatch_str name,
                               dispatch_str plaintext, dispatch_str* out) {
  char text[128];
  (void)self;
  (void)name;
  snprintf(text, sizeof text, "%.*s]", (int)plaintext.len, plaintext.ptr);
  if (plaintext.len < 8) text[plaintext.len] = '\0';
  return answer(call, out, text);
}
static const dispatch_secret_1 secret = {sizeof(dispatch_secret_1), 0, decrypt, encrypt};

static dispatch_str copied(const dispatch_call* call, dispatch_str from) {
  dispatch_str to = {NULL, 0};
  char* memory = from.len == 0 ? NULL : call->alloc(call, from.len, 1);
  if (memory == NULL) return to;
  memcpy(memory, from.ptr, from.len);
  to.ptr = memory;
  to.len = from.len;
  return to;
}

static dispatch_str header_of(const dispatch_webhook_request* request, const char* name) {
  dispatch_str none = {NULL, 0};
  for (uint64_t i = 0; i < request->header_count; ++i)
    if (is(request->headers[i]->name, name)) return request->headers[i]->value;
  return none;
}

static const dispatch_webhook_header* header_made(const dispatch_call* call, const char* name,
                                                  const char* value) {
  dispatch_webhook_header* header = call->alloc(call, sizeof *header, 8);
  header->struct_size = sizeof *header;
  header->reserved = 0;
  header->name = copied(call, str(name));
  header->value = copied(call, str(value));
  return header;
}

static dispatch_status identify(dispatch_instance* self, const dispatch_call* call,
                                const dispatch_webhook_request* request, dispatch_str* out) {
  (void)self;
  *out = copied(call, header_of(request, "X-Delivery"));
  return DISPATCH_OK;
}

/* Tells what it got, and does what the path says. */
static dispatch_status receive(dispatch_instance* self, const dispatch_call* call,
                               const dispatch_webhook_request* request, dispatch_webhook_response* out) {
  char text[1024];
  const dispatch_str path = request->path;
  if (is(path, "/denied")) return call->fail(call, DISPATCH_ERR_DENIED, str("the signature is wrong"), 0);
  if (is(path, "/crash")) {
    volatile int* nowhere = NULL;
    *nowhere = 1;
  }
  if (is(path, "/secret")) {
    const dispatch_crypto_1* crypto = self->host->service(self->host, str(DISPATCH_CRYPTO_1));
    return crypto->secret_verify(self->host, call, self->secret, str("Bearer "),
                                 header_of(request, "Authorization"));
  }
  out->status = is(path, "/teapot") ? 418 : is(path, "/redirect") ? 302 : 201;
  if (is(path, "/literal")) {
    out->body = str("not in the memory of the call");
    return DISPATCH_OK;
  }
  if (is(path, "/event")) {
    const dispatch_event_1* events = self->host->service(self->host, str(DISPATCH_EVENT_1));
    if (events == NULL) return call->fail(call, DISPATCH_ERR_UNSUPPORTED, str("no events"), 0);
    dispatch_event event = {sizeof event,  0,        request->query, str(""), str("subject"),
                            request->body, str("k1")};
    dispatch_str answered = {NULL, 0};
    const dispatch_status status = events->submit(self->host, call, &event, &answered);
    if (status != DISPATCH_OK) return status;
    out->body = copied(call, answered);
    return DISPATCH_OK;
  }
  snprintf(text, sizeof text, "%.*s %.*s?%.*s %u headers from %.*s at %lld attempt %u: %.*s",
           (int)request->method.len, request->method.ptr, (int)path.len, path.ptr ? path.ptr : "",
           (int)request->query.len, request->query.ptr ? request->query.ptr : "",
           (unsigned)request->header_count, (int)request->peer_address.len, request->peer_address.ptr,
           (long long)request->received_at_ns, (unsigned)request->attempt, (int)request->body.len,
           request->body.ptr ? request->body.ptr : "");
  out->body = copied(call, str(text));
  const dispatch_webhook_header** headers = call->alloc(call, 4 * sizeof *headers, 8);
  headers[0] = header_made(call, "Content-Type", "text/plain");
  headers[1] = header_made(call, "Set-Cookie", "session=stolen");
  headers[2] = header_made(call, is(path, "/split") ? "X-Evil\r\nSet-Cookie" : "X-Probe", "yes");
  headers[3] = header_made(call, "X-Accel-Redirect", "/internal/secrets");
  out->headers = headers;
  out->header_count = 4;
  if (is(path, "/foreign")) {
    static const dispatch_webhook_header elsewhere = {sizeof elsewhere, 0, {NULL, 0}, {NULL, 0}};
    headers[0] = &elsewhere;
  }
  if (!is(path, "/pending")) return DISPATCH_OK;
  dispatch_webhook_response* answer_in_call = call->alloc(call, sizeof *answer_in_call, 8);
  *answer_in_call = *out;
  out->status = 0;
  call->complete(call, DISPATCH_OK, answer_in_call);
  return DISPATCH_PENDING;
}
/* Counts: the cursor is the number it has come to, or what it should do. */
static dispatch_status poll(dispatch_instance* self, const dispatch_call* call, dispatch_str cursor,
                            dispatch_source_result* out) {
  char text[32];
  (void)self;
  if (is(cursor, "fail"))
    return call->fail(call, DISPATCH_ERR_UNAVAILABLE, str("nobody answers there"), 7000);
  if (is(cursor, "literal")) {
    out->cursor = str("not in the memory of the call");
    return DISPATCH_OK;
  }
  if (is(cursor, "bytes")) {
    out->cursor = copied(call, str("\xff"));
    return DISPATCH_OK;
  }
  if (is(cursor, "crash")) {
    volatile int* nowhere = NULL;
    *nowhere = 1;
  }
  if (is(cursor, "hang")) {
    for (int i = 0; i < 5000 && !call->is_cancelled(call); ++i) pause_ms(1);
    return call->fail(call, DISPATCH_ERR_CANCELLED, str("no news"), 0);
  }
  /* Nothing ends a dispatch_str: the number is read from a copy. */
  snprintf(text, sizeof text, "%.*s", (int)cursor.len, cursor.ptr);
  snprintf(text, sizeof text, "%ld", strtol(text, NULL, 10) + 1);
  out->cursor = copied(call, str(text));
  out->more = is(out->cursor, "3") ? 0 : 1;
  out->next_poll_ms = is(out->cursor, "3") ? 5 : 0;
  if (!is(cursor, "10")) return DISPATCH_OK;
  dispatch_source_result* later_result = call->alloc(call, sizeof *later_result, 8);
  *later_result = *out;
  out->cursor = str("");
  call->complete(call, DISPATCH_OK, later_result);
  return DISPATCH_PENDING;
}
static const dispatch_source_1 source = {sizeof(dispatch_source_1), 0, poll};

static const dispatch_webhook_1 webhook = {sizeof(dispatch_webhook_1), 0, identify, receive};

/* --- life
 * -----------------------------------------------------------------------------------------------------------
 */

static dispatch_secret_handle handle_in(dispatch_str config) {
  char text[8192];
  size_t n = config.len < sizeof text - 1 ? config.len : sizeof text - 1;
  memcpy(text, config.ptr, n);
  text[n] = '\0';
  const char* at = strstr(text, "\"$secret\":");
  return at ? (dispatch_secret_handle)strtoul(at + 10, NULL, 10) : 0;
}

static void take_config(dispatch_instance* self, dispatch_str config) {
  size_t n = config.len < sizeof self->config - 1 ? config.len : sizeof self->config - 1;
  memcpy(self->config, config.ptr, n);
  self->config[n] = '\0';
  self->secret = handle_in(config);
}

static dispatch_status create(const dispatch_host* host, const dispatch_call* call, dispatch_str config,
                              dispatch_instance** out) {
  char mode[32];
  field(config, "mode", mode, sizeof mode);
  if (strcmp(mode, "create_fails") == 0)
    return call->fail(call, DISPATCH_ERR_INVALID, str("the board key must be upper case"), 0);
  if (strcmp(mode, "no_instance") == 0) return DISPATCH_OK;
  if (strcmp(mode, "pending_create") == 0) return DISPATCH_PENDING;
  dispatch_instance* self = calloc(1, sizeof *self);
  self->host = host;
  take_config(self, config);
  *out = self;
  return DISPATCH_OK;
}

static dispatch_status start(dispatch_instance* self, const dispatch_call* call) {
  if (strstr(self->config, "start_fails_once") && self->starts++ == 0)
    return call->fail(call, DISPATCH_ERR_UNAVAILABLE, str("the peer is not there yet"), 0);
  return DISPATCH_OK;
}

static dispatch_status reconfigure(dispatch_instance* self, const dispatch_call* call, dispatch_str config,
                                   uint64_t revision) {
  char mode[32];
  (void)revision;
  field(config, "mode", mode, sizeof mode);
  if (strcmp(mode, "refuse") == 0) return call->fail(call, DISPATCH_ERR_INVALID, str("not like this"), 0);
  take_config(self, config);
  return DISPATCH_OK;
}

static dispatch_status nothing(dispatch_instance* self, const dispatch_call* call) {
  (void)self;
  (void)call;
  return DISPATCH_OK;
}

static void destroy(dispatch_instance* self) { free(self); }

static const void* get_interface(dispatch_instance* self, dispatch_str id) {
  (void)self;
  if (is(id, DISPATCH_INTEGRATION_1)) return &integration;
  if (is(id, DISPATCH_HEALTH_1)) return &health;
  if (is(id, DISPATCH_AUTH_1)) return &auth;
  if (is(id, DISPATCH_SECRET_1)) return &secret;
  if (is(id, DISPATCH_WEBHOOK_1)) return &webhook;
  if (is(id, DISPATCH_SOURCE_1)) return &source;
  return NULL;
}

static const dispatch_plugin_v1 table = {sizeof(dispatch_plugin_v1),
                                         DISPATCH_ABI_MINOR,
                                         {PROBE_ID, sizeof PROBE_ID - 1},
                                         {PROBE_VERSION, sizeof PROBE_VERSION - 1},
                                         {"probe in C", 10},
                                         create,
                                         start,
                                         reconfigure,
                                         nothing,
                                         nothing,
                                         destroy,
                                         get_interface};

__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1(void) {
  return &table;
}
