/* What a plugin is to the host, and the host to a plugin. */
#ifndef DISPATCH_ABI_PLUGIN_H
#define DISPATCH_ABI_PLUGIN_H

#include "dispatch/abi/call.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Given to create; valid until destroy has returned. */
typedef struct dispatch_host {
  uint32_t struct_size;
  uint32_t abi_minor; /* diagnosis only */
  dispatch_str name;  /* "dispatch" */
  dispatch_str version;
  void* host_data;

  /* [any-thread] The table of a service ("dispatch.http/1", in the headers service_*.h), valid until destroy has returned.
   * NULL: this host does not have it, or the operator has not granted it. */
  const void* (*service)(const struct dispatch_host* host, dispatch_str id);
} dispatch_host;

/* Returned by the one exported function: the address of a static const table. */
typedef struct dispatch_plugin_v1 {
  uint32_t struct_size;
  uint32_t abi_minor;      /* the DISPATCH_ABI_MINOR it was built with; diagnosis only */
  dispatch_str id;         /* equals "id" of plugin.json */
  dispatch_str version;    /* equals "version" of plugin.json */
  dispatch_str build_info; /* compiler, flags, "asan"/"tsan" if sanitized; diagnosis and the sanitizer check only */

  /* [control] Makes an instance for `config_json` (valid against the manifest's schema; secrets stand as
   * {"$secret": handle}). Reads and checks, starts nothing, reaches for nobody. On failure *out stays NULL. */
  dispatch_status (*create)(const dispatch_host* host, const dispatch_call* call, dispatch_str config_json,
                            dispatch_instance** out);

  /* [control] Begins work: connections, threads. May fail and be called again later. Optional. */
  dispatch_status (*start)(dispatch_instance* instance, const dispatch_call* call);

  /* [control] Takes on another configuration without losing calls in flight; `revision` counts up. On failure the old
   * one stays in force. Optional: without it the host makes a new instance and drains this one. */
  dispatch_status (*reconfigure)(dispatch_instance* instance, const dispatch_call* call, dispatch_str config_json,
                                 uint64_t revision);

  /* [control] No new calls will come; ends long waits, completes what is pending. Idempotent. Optional. */
  dispatch_status (*drain)(dispatch_instance* instance, const dispatch_call* call);

  /* [control] Undoes start: after it no thread of the instance runs. Idempotent. Optional. */
  dispatch_status (*stop)(dispatch_instance* instance, const dispatch_call* call);

  /* [control] Frees the instance, from whatever state it is in. Must not fail. */
  void (*destroy)(dispatch_instance* instance);

  /* [any-thread] The table of an interface ("dispatch.integration/1", …) or NULL. Pure; valid until destroy. */
  const void* (*get_interface)(dispatch_instance* instance, dispatch_str id);
} dispatch_plugin_v1;

/* The exported symbol. Pure: no allocation, no threads, no I/O. */
#define DISPATCH_QUERY_SYMBOL "dispatch_plugin_query_v1"
typedef const dispatch_plugin_v1* (*dispatch_plugin_query_v1_fn)(void);

/* "dispatch.health/1": proves that the configuration works - credentials, scopes, reachability - without an effect that
 * anybody would notice. */
#define DISPATCH_HEALTH_1 "dispatch.health/1"
typedef struct dispatch_health_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [call-thread] *out: JSON object {"summary": text, "ok": bool, "checks": [{"name", "ok", "detail"}]}. A test that found
   * something wrong answers DISPATCH_OK with "ok" false; a failed status means that it could not be done at all. Input: JSON
   * object of what the operator may add to the test (e.g. {"recipient": "me@example.com"}), possibly empty. */
  dispatch_status (*test)(dispatch_instance* instance, const dispatch_call* call, dispatch_str input_json,
                          dispatch_str* out);
} dispatch_health_1;

#ifdef __cplusplus
}
#endif
#endif
