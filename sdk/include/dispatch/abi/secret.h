/* "dispatch.secret/1": turns what stands in a setting into the secret it means, at server start. */
#ifndef DISPATCH_ABI_SECRET_H
#define DISPATCH_ABI_SECRET_H

#include "dispatch/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_SECRET_1 "dispatch.secret/1"

/* Where a secret goes: memory of the host that is locked, guarded and wiped. Valid during the call that received it. */
typedef struct dispatch_secret_sink {
  uint32_t struct_size;
  uint32_t reserved;
  void* host_data;
  /* [call-thread] A buffer of exactly `size` bytes to write the secret into; once per sink. NULL if `size` is 0 or over 64 KiB. */
  uint8_t* (*buffer)(const struct dispatch_secret_sink* sink, uint64_t size);
} dispatch_secret_sink;

typedef struct dispatch_secret_1 {
  uint32_t struct_size;
  uint32_t reserved;

  /* [call-thread] Decrypts (or fetches) `stored`, the text inside ENC[provider,…] or after secret://provider/, for the setting
   * `name`. A ciphertext made for another name is DISPATCH_ERR_DENIED. Fills `sink` and answers DISPATCH_OK, or fails with a
   * sentence that never contains the value. */
  dispatch_status (*decrypt)(dispatch_instance* instance, const dispatch_call* call, dispatch_str name,
                             dispatch_str stored, const dispatch_secret_sink* sink);

  /* [call-thread] The reverse, for `dispatch secret encrypt`; *out is what goes inside ENC[provider,…]. NULL where the
   * provider cannot. */
  dispatch_status (*encrypt)(dispatch_instance* instance, const dispatch_call* call, dispatch_str name,
                             dispatch_str plaintext, dispatch_str* out);
} dispatch_secret_1;

#ifdef __cplusplus
}
#endif
#endif
