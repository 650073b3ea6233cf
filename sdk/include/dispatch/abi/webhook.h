/* "dispatch.webhook/1": requests of other systems, sent to the address that an instance has of its own:
 * /api/v1/{organization}/events/{plugin}/{instance token}. The host has committed the request before a plugin sees it, and
 * brings it again (with the same idempotency key) until it was answered; the plugin alone knows who may send. */
#ifndef DISPATCH_ABI_WEBHOOK_H
#define DISPATCH_ABI_WEBHOOK_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_WEBHOOK_1 "dispatch.webhook/1"

typedef struct dispatch_webhook_header {
  uint32_t struct_size;
  uint32_t reserved;
  dispatch_str name;
  dispatch_str value;
} dispatch_webhook_header;

/* As it came over the wire, nothing decoded, joined or sorted, so that signatures can be checked; but no Cookie or X-CSRF-Token. */
typedef struct dispatch_webhook_request {
  uint32_t struct_size;
  uint32_t attempt;    /* 1: the sender may still be waiting; from 2 on nobody reads the response */
  dispatch_str method; /* "POST"; any token of RFC 9110 */
  dispatch_str path;   /* below the instance's address: empty, or from "/" on; percent-encoded */
  dispatch_str query;  /* without "?" */
  const dispatch_webhook_header* const* headers; /* in order, names as they were written, repeated ones kept */
  uint64_t header_count;
  dispatch_str body;         /* bytes; up to 1 MiB */
  dispatch_str peer_address; /* after trusted proxies */
  int64_t received_at_ns;    /* UNIX time of the delivery, which a later attempt keeps */
} dispatch_webhook_request;

/* Answered by the plugin; what it points at lies in the call's arena. */
typedef struct dispatch_webhook_response {
  uint32_t struct_size;
  uint32_t status; /* 200…299, 400…599 */
  /* The host passes on Content-Type, Retry-After, WWW-Authenticate, Allow and X-…; the others are its own business. */
  const dispatch_webhook_header* const* headers;
  uint64_t header_count;
  dispatch_str body; /* up to 1 MiB */
} dispatch_webhook_response;

typedef struct dispatch_webhook_1 {
  uint32_t struct_size;
  uint32_t reserved;

  /* [call-thread] Which delivery this is, by the sender's own count (X-GitHub-Delivery), or by a digest of what makes it this
   * one: the host brings each to `receive` once, and answers a repetition as it answered the first. Up to 255 bytes; empty:
   * unknown. Who is not who they say must get no id here either, or they could take the id of a delivery that is still to come:
   * check authenticity first, and answer DISPATCH_OK with an empty id where it is missing. Changes nothing. Optional. */
  dispatch_status (*identify)(dispatch_instance* instance, const dispatch_call* call,
                              const dispatch_webhook_request* request, dispatch_str* delivery_id);

  /* [call-thread] Checks who sent it, does what follows, answers. DISPATCH_OK with a status of 200…299: done. DISPATCH_OK with any
   * other status: refused, and not tried again. DISPATCH_ERR_DENIED, INVALID, NOT_FOUND and UNSUPPORTED refuse, too (401, 400,
   * 404, 501), and their sentence is for the operator alone. Every other status: the sender is told 202, and the request
   * comes again, also after one that came half-way; so what follows must be safe to repeat (dispatch_event.deduplication_key).
   * May answer DISPATCH_PENDING. */
  dispatch_status (*receive)(dispatch_instance* instance, const dispatch_call* call,
                             const dispatch_webhook_request* request, dispatch_webhook_response* out);
} dispatch_webhook_1;

#ifdef __cplusplus
}
#endif
#endif
