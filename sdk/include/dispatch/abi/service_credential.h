/* "dispatch.credential/1": the host's password store, for auth providers only. Hashes never leave the host: argon2id, a bounded
 * number at a time, the same time for an account that does not exist; hashes of an imported database are verified and replaced. */
#ifndef DISPATCH_ABI_SERVICE_CREDENTIAL_H
#define DISPATCH_ABI_SERVICE_CREDENTIAL_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_CREDENTIAL_1 "dispatch.credential/1"

/* `account` is an e-mail address; accounts are compared without case. [call-thread] all. */
typedef struct dispatch_credential_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* DISPATCH_OK: right. DISPATCH_ERR_DENIED: wrong password, no such account, no password, or deactivated - in the same time.
   * DISPATCH_ERR_LIMIT: too many hashes at once, try later. */
  dispatch_status (*verify)(const dispatch_host* host, const dispatch_call* call, dispatch_str account,
                            dispatch_str password);
  /* Makes an account. DISPATCH_ERR_DENIED: the address is taken. DISPATCH_ERR_INVALID: the password breaks the policy (its
   * sentence is given to call->fail). */
  dispatch_status (*create)(const dispatch_host* host, const dispatch_call* call, dispatch_str account,
                            dispatch_str password);
  /* Replaces the password of an account that exists; the host ends its other sessions. */
  dispatch_status (*replace)(const dispatch_host* host, const dispatch_call* call, dispatch_str account,
                             dispatch_str password);
} dispatch_credential_1;

#ifdef __cplusplus
}
#endif
#endif
