/* "dispatch.audit/1": what somebody will want to know later, for certain: who did what through this plugin. */
#ifndef DISPATCH_ABI_SERVICE_AUDIT_H
#define DISPATCH_ABI_SERVICE_AUDIT_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_AUDIT_1 "dispatch.audit/1"

typedef struct dispatch_audit_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [call-thread] Adds one entry to the operator's audit, committed before it returns. `action`: 1 to 64 of a-z, 0-9, "." , "_"
   * and "-"; it stands there as plugin.{id}.{action}. `subject`: whom or what, 1 to 200 bytes. `details_json`: an object of up to 4 KiB,
   * without secrets. A burst of 100, then one a second; beyond: LIMIT. INVALID says what is wrong; UNAVAILABLE: not now. */
  dispatch_status (*record)(const dispatch_host* host, const dispatch_call* call, dispatch_str action,
                            dispatch_str subject, dispatch_str details_json);
} dispatch_audit_1;

#ifdef __cplusplus
}
#endif
#endif
