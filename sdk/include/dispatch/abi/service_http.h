/* "dispatch.http/1": an HTTP(S) request to a destination that the manifest asked for and the operator granted. The host
 * resolves once and connects to that address, verifies TLS, re-checks redirects, keeps the deadline, limits sizes, counts,
 * traces, and puts secrets in. */
#ifndef DISPATCH_ABI_SERVICE_HTTP_H
#define DISPATCH_ABI_SERVICE_HTTP_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_HTTP_1 "dispatch.http/1"

typedef struct dispatch_http_header {
  uint32_t struct_size;
  uint32_t reserved;
  dispatch_str name;
  dispatch_secret_use value;
} dispatch_http_header;

/* A body in pieces, for what does not fit in memory. Fills up to `size` bytes of `buffer`; *count 0 = end. */
typedef dispatch_status (*dispatch_body_read)(void* user, uint8_t* buffer, uint64_t size, uint64_t* count);
/* Takes a piece of the answer's body; anything but DISPATCH_OK ends the request with that status. */
typedef dispatch_status (*dispatch_body_write)(void* user, const uint8_t* data, uint64_t size);

typedef struct dispatch_http_request {
  uint32_t struct_size;
  uint32_t max_redirects; /* 0 = the redirect is the answer; each one is checked against the grant again */
  dispatch_str method;
  dispatch_str url; /* absolute, http or https */
  const dispatch_http_header* const* headers;
  uint64_t header_count;
  dispatch_str body;              /* used where body_read is NULL */
  const dispatch_secret_use* const* body_parts; /* if part_count > 0: the body is these parts one after another */
  uint64_t body_part_count;
  dispatch_body_read body_read;   /* with body_size bytes, or chunked where body_size is UINT64_MAX */
  void* body_user;
  uint64_t body_size;
  dispatch_body_write answer_write; /* NULL: the answer's body is collected, up to max_answer bytes */
  void* answer_user;
  uint64_t max_answer; /* 0 = 8 MiB; more is DISPATCH_ERR_LIMIT */
} dispatch_http_request;

typedef struct dispatch_http_response {
  uint32_t struct_size;
  uint32_t status;       /* 100…599 */
  uint64_t header_count; /* names in lower case; values of secrets that the server echoed are blotted out */
  const dispatch_str* header_names;
  const dispatch_str* header_values;
  dispatch_str body;
  uint32_t retry_after_ms; /* from Retry-After (seconds or date); 0 = none */
  uint32_t reserved;
} dispatch_http_response;

typedef struct dispatch_http_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [call-thread] DISPATCH_OK once a response arrived, whatever its HTTP status. Otherwise nothing of the response is valid, the
   * sentence is already given to call->fail, and the status tells whether it can have had an effect: UNAVAILABLE (never
   * sent), UNCERTAIN (sent, no answer), DENIED (not granted), TIMEOUT, CANCELLED, LIMIT. */
  dispatch_status (*request)(const dispatch_host* host, const dispatch_call* call, const dispatch_http_request* request,
                             dispatch_http_response* out);
} dispatch_http_1;

#ifdef __cplusplus
}
#endif
#endif
