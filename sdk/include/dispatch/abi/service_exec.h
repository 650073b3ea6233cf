/* "dispatch.exec/1": programs of the operator. What runs, with which arguments, stands in dispatch.yaml; a plugin gives
 * nothing but standard input. */
#ifndef DISPATCH_ABI_SERVICE_EXEC_H
#define DISPATCH_ABI_SERVICE_EXEC_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_EXEC_1 "dispatch.exec/1"

typedef struct dispatch_exec_result {
  uint32_t struct_size;
  int32_t exit_code;          /* 0…255; 128 + the signal's number where one ended it */
  dispatch_str output;        /* what it wrote to standard output: bytes, up to 1 MiB */
  dispatch_str error_output;  /* and to standard error; what is beyond 64 KiB is cut off */
} dispatch_exec_result;

typedef struct dispatch_exec_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [call-thread] Runs the command that the operator named `name` for this plugin (commands: in dispatch.yaml; the
   * manifest asks for it by permissions.commands), with `input`, up to 1 MiB, as its standard input, and waits for its
   * end. It runs as the host's user, in /, with PATH and LANG as its only environment. It is killed, with its process
   * group, when its time limit or the call's deadline has passed or the call is cancelled; the group also when it has
   * ended by itself. DISPATCH_OK whatever its exit code. DENIED: not in the manifest, or not in dispatch.yaml; TIMEOUT,
   * CANCELLED; LIMIT: too much output; UNAVAILABLE: it cannot be started, or too many run. */
  dispatch_status (*run)(const dispatch_host* host, const dispatch_call* call, dispatch_str name, dispatch_str input,
                         dispatch_exec_result* out);
} dispatch_exec_1;

#ifdef __cplusplus
}
#endif
#endif
