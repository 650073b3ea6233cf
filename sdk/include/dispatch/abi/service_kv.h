/* "dispatch.kv/1": a little durable memory, private to one plugin instance. Not for secrets or password hashes. */
#ifndef DISPATCH_ABI_SERVICE_KV_H
#define DISPATCH_ABI_SERVICE_KV_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_KV_1 "dispatch.kv/1"

/* Keys up to 256 bytes, values up to 64 KiB, 1,000 keys an instance; beyond: DISPATCH_ERR_LIMIT. [call-thread] all. */
typedef struct dispatch_kv_1 {
  uint32_t struct_size;
  uint32_t reserved;
  dispatch_status (*get)(const dispatch_host* host, const dispatch_call* call, dispatch_str key, dispatch_str* out);
  dispatch_status (*put)(const dispatch_host* host, const dispatch_call* call, dispatch_str key, dispatch_str value);
  dispatch_status (*remove)(const dispatch_host* host, const dispatch_call* call, dispatch_str key);
  /* Keys that begin with `prefix`, as a JSON array of text, sorted. */
  dispatch_status (*list)(const dispatch_host* host, const dispatch_call* call, dispatch_str prefix, dispatch_str* out);
} dispatch_kv_1;

#ifdef __cplusplus
}
#endif
#endif
