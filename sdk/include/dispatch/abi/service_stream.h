/* "dispatch.stream/1": a byte stream over TCP, plain, TLS, or TLS later (STARTTLS), to a granted destination: SMTP, LDAP, XMPP. */
#ifndef DISPATCH_ABI_SERVICE_STREAM_H
#define DISPATCH_ABI_SERVICE_STREAM_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_STREAM_1 "dispatch.stream/1"

typedef struct dispatch_stream dispatch_stream; /* owned by the host, used by one thread at a time */

typedef struct dispatch_stream_options {
  uint32_t struct_size;
  uint32_t port;
  dispatch_str host;
  uint32_t tls;              /* 1: TLS from the first byte */
  uint32_t allow_untrusted;  /* 1: any certificate; works only where the operator granted that, too */
} dispatch_stream_options;

typedef struct dispatch_stream_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [call-thread] Connects within the call's deadline. The stream may be kept beyond the call (until the instance is
   * destroyed, which closes it). Statuses as for dispatch_http_1.request. */
  dispatch_status (*open)(const dispatch_host* host, const dispatch_call* call, const dispatch_stream_options* options,
                          dispatch_stream** out);
  /* [call-thread] Turns the stream into TLS. Bytes received before it are an error (RFC 3207: command injection). */
  dispatch_status (*start_tls)(dispatch_stream* stream, const dispatch_call* call);
  /* [call-thread] Writes the parts one after another, all of it, secrets put in by the host. */
  dispatch_status (*write)(dispatch_stream* stream, const dispatch_call* call, const dispatch_secret_use* const* parts,
                           uint64_t part_count);
  /* [call-thread] At least one byte, at most `size`; *count 0 = the peer closed. */
  dispatch_status (*read)(dispatch_stream* stream, const dispatch_call* call, uint8_t* buffer, uint64_t size,
                          uint64_t* count);
  void (*close)(dispatch_stream* stream); /* [any-thread] NULL is fine */
} dispatch_stream_1;

#ifdef __cplusplus
}
#endif
#endif
