/* "dispatch.clock/1": time that a test can move. */
#ifndef DISPATCH_ABI_SERVICE_CLOCK_H
#define DISPATCH_ABI_SERVICE_CLOCK_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_CLOCK_1 "dispatch.clock/1"

typedef struct dispatch_clock_1 {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t (*unix_ns)(const dispatch_host* host);       /* [any-thread] wall clock, UTC, nanoseconds since 1970 */
  uint64_t (*monotonic_ns)(const dispatch_host* host); /* [any-thread] the clock of dispatch_call.deadline_ns */
  /* [call-thread] Waits up to `ns`, or until the call is cancelled (DISPATCH_ERR_CANCELLED) or its deadline passes
   * (DISPATCH_ERR_TIMEOUT). */
  dispatch_status (*sleep)(const dispatch_host* host, const dispatch_call* call, uint64_t ns);
} dispatch_clock_1;

#ifdef __cplusplus
}
#endif
#endif
