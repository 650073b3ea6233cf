/* "dispatch.integration/1": JSON in, JSON out. The plugin types (ticket, conversation, email, …) are contracts over it,
 * published as JSON Schema in sdk/contracts and checked by the host in both directions. */
#ifndef DISPATCH_ABI_INTEGRATION_H
#define DISPATCH_ABI_INTEGRATION_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_INTEGRATION_1 "dispatch.integration/1"

/* A method that this plugin implements. Lives as long as the instance; its effect may depend on the configuration, so it is
 * read again for each instance. */
typedef struct dispatch_method {
  uint32_t struct_size;
  dispatch_effect effect;     /* of this implementation; may be better than the contract's */
  uint32_t contract_revision; /* of the method in sdk/contracts */
  uint32_t reserved;
  dispatch_str name; /* "create" */
} dispatch_method;

typedef struct dispatch_integration_1 {
  uint32_t struct_size;
  uint32_t method_count;
  const dispatch_method* const* methods; /* method_count pointers */

  /* [call-thread] `in` is valid against the contract's input schema; *out must be against its output schema. A method that is not
   * listed answers DISPATCH_ERR_UNSUPPORTED. May answer DISPATCH_PENDING. */
  dispatch_status (*invoke)(dispatch_instance* instance, const dispatch_call* call, dispatch_str method, dispatch_str in,
                            dispatch_str* out);
} dispatch_integration_1;

#ifdef __cplusplus
}
#endif
#endif
