/* "dispatch.log/1": one line in the host's log, with the plugin, its instance and the request id added by the host. */
#ifndef DISPATCH_ABI_SERVICE_LOG_H
#define DISPATCH_ABI_SERVICE_LOG_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_LOG_1 "dispatch.log/1"

typedef uint32_t dispatch_log_level; /* an unknown level is INFO */
#define DISPATCH_LOG_ERROR ((dispatch_log_level)1)
#define DISPATCH_LOG_WARNING ((dispatch_log_level)2)
#define DISPATCH_LOG_INFO ((dispatch_log_level)3)
#define DISPATCH_LOG_DEBUG ((dispatch_log_level)4)

typedef struct dispatch_log_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [any-thread] `call` may be NULL. Control characters are escaped, more than 8 KiB is cut, a flood is counted and dropped. */
  void (*write)(const dispatch_host* host, const dispatch_call* call, dispatch_log_level level, dispatch_str message);
} dispatch_log_1;

#ifdef __cplusplus
}
#endif
#endif
