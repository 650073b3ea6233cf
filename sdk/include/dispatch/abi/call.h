/* A call: what accompanies every request of the host to a plugin, and every request of a plugin back. */
#ifndef DISPATCH_ABI_CALL_H
#define DISPATCH_ABI_CALL_H

#include "dispatch/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Made and owned by the host; valid until the called function has returned anything but DISPATCH_PENDING, or until
 * `complete` has returned. */
typedef struct dispatch_call {
  uint32_t struct_size;
  uint32_t flags;         /* 0; reserved */
  uint64_t request_id;    /* unique in the host's life; stands in its log and in crash records */
  uint64_t deadline_ns;   /* CLOCK_MONOTONIC; 0 = none. In a worker it is enforced by kill, in-process it is a promise */
  uint8_t trace_id[16];   /* W3C Trace Context; all zero = none */
  uint8_t span_id[8];
  dispatch_str idempotency_key; /* the same for every attempt at the same effect; empty for reads */
  void* host_data;

  /* [any-thread] `size` bytes aligned to `align` (a power of two up to 64) that live as long as the call. NULL past the
   * host's limit (16 MiB a call unless the operator says otherwise). */
  void* (*alloc)(const struct dispatch_call* call, uint64_t size, uint64_t align);

  /* [any-thread] Records why the call fails and returns `status`, so that a function can end in
   * `return call->fail(call, status, message, 0)`. The message is copied, shown to people and logged: no secrets.
   * `retry_after_ms` 0 = the host decides. Calling it again replaces the message. */
  dispatch_status (*fail)(const struct dispatch_call* call, dispatch_status status, dispatch_str message,
                          uint32_t retry_after_ms);

  /* [any-thread] 1 once the caller has given up (deadline, shutdown, a person); the answer will be thrown away. */
  int32_t (*is_cancelled)(const struct dispatch_call* call);

  /* [any-thread] Has `notify(user)` called once, on a thread of the host, when the call is cancelled; at once if it is
   * already. `notify` must return quickly and may be called while the plugin completes the call. One per call: a second
   * replaces the first; NULL removes it, and after that has returned `notify` is not running and will not be called. */
  dispatch_status (*on_cancel)(const struct dispatch_call* call, void (*notify)(void* user), void* user);

  /* [any-thread] Ends a call whose function returned DISPATCH_PENDING, exactly once. `out` points at a value of the type
   * of that function's `out` parameter, itself and all it points at in the call's arena; it is ignored unless `status`
   * is DISPATCH_OK. The call must not be touched afterwards. */
  void (*complete)(const struct dispatch_call* call, dispatch_status status, const void* out);

  /* [any-thread] The sentence that stands recorded for this call, by a service that failed or by the plugin itself; empty if
   * none. In the call's arena. For a plugin that reports a service's failure and goes on (a list of checks). */
  void (*reason)(const struct dispatch_call* call, dispatch_str* out);
} dispatch_call;

/* How a secret is written into a request. Text, so that the set can grow; a service that does not know one answers
 * DISPATCH_ERR_UNSUPPORTED.
 *   "raw"          the value itself
 *   "bearer"       "Bearer " + value
 *   "basic"        "Basic " + base64(argument ":" value)             RFC 7617; argument = user name
 *   "base64"       base64(value)                                      SASL LOGIN
 *   "sasl-plain"   base64(NUL argument NUL value)                     RFC 4616; argument = authentication identity
 *   "url"          percent-encoded value                              RFC 3986, everything but unreserved
 *   "json"         value as the inside of a JSON string, without its quotes
 *   "ldap-bind"    an LDAPMessage in BER: BindRequest, version 3, value as the simple password   RFC 4511 section 4.2;
 *                  argument = messageID in decimal digits, a space, the DN. Whole, for the password's length stands in it thrice */
typedef struct dispatch_secret_use {
  uint32_t struct_size;
  dispatch_secret_handle secret; /* 0 = no secret: `text` stands as it is */
  dispatch_str encoder;
  dispatch_str argument;
  dispatch_str text; /* plain text written before the encoded secret */
} dispatch_secret_use;

#ifdef __cplusplus
}
#endif
#endif
