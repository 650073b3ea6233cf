/* "dispatch.directory/1": read-only questions about the people, teams and services of the instance's project. */
#ifndef DISPATCH_ABI_SERVICE_DIRECTORY_H
#define DISPATCH_ABI_SERVICE_DIRECTORY_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_DIRECTORY_1 "dispatch.directory/1"

typedef struct dispatch_directory_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [call-thread] `what`: "individuals", "teams", "services", "project". `query`: JSON object, all keys optional: "email",
   * "matching_incident" (incident id: only those whose search filters match it), "limit" (default 100, at most 1,000).
   * *out: JSON array of objects (of one object for "project"); schema in sdk/contracts/directory.json. */
  dispatch_status (*query)(const dispatch_host* host, const dispatch_call* call, dispatch_str what, dispatch_str query,
                           dispatch_str* out);
} dispatch_directory_1;

#ifdef __cplusplus
}
#endif
#endif
