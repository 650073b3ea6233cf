/* "dispatch.crypto/1": cryptography with keys that stay in the host. */
#ifndef DISPATCH_ABI_SERVICE_CRYPTO_H
#define DISPATCH_ABI_SERVICE_CRYPTO_H

#include "dispatch/abi/secret.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_CRYPTO_1 "dispatch.crypto/1"

/* Algorithms are named in text; an unknown one is DISPATCH_ERR_UNSUPPORTED. `*out` lives in the call's arena. */
typedef struct dispatch_crypto_1 {
  uint32_t struct_size;
  uint32_t reserved;
  /* [any-thread] Fills `buffer` from the system's generator. */
  dispatch_status (*random)(const dispatch_host* host, uint8_t* buffer, uint64_t size);
  /* [any-thread] "sha256", "sha512", "sha1" (only for protocols that demand it), "blake2b-256". */
  dispatch_status (*hash)(const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm, dispatch_str data,
                          dispatch_str* out);
  /* [any-thread] "hmac-sha256", "hmac-sha512", "hmac-sha1". `key_prefix` is put before the secret ("AWS4" of SigV4). */
  dispatch_status (*mac)(const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                         dispatch_secret_handle key, dispatch_str key_prefix, dispatch_str data, dispatch_str* out);
  /* [any-thread] DISPATCH_OK if equal, DISPATCH_ERR_DENIED if not; constant time. */
  dispatch_status (*mac_verify)(const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                                dispatch_secret_handle key, dispatch_str key_prefix, dispatch_str data,
                                dispatch_str expected);
  /* [any-thread] Public-key envelope. "sealed-box": X25519 + XSalsa20-Poly1305 of libsodium; the key is the base64 of the 32-byte
   * X25519 secret key. seal encrypts to its public half. */
  dispatch_status (*seal)(const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                          dispatch_secret_handle key, dispatch_str plaintext, dispatch_str* out);
  /* [any-thread] Opens an envelope into `sink`. `bound_prefix`: the plaintext must begin with these bytes, which are taken off
   * (how a name is bound to its value); DISPATCH_ERR_DENIED where it does not, or where the key is another. */
  dispatch_status (*open)(const dispatch_host* host, const dispatch_call* call, dispatch_str algorithm,
                          dispatch_secret_handle key, dispatch_str ciphertext, dispatch_str bound_prefix,
                          const dispatch_secret_sink* sink);
  /* [any-thread] DISPATCH_OK if `given` is `prefix` and then the secret ("Bearer " + token), DISPATCH_ERR_DENIED if not; how long
   * it takes does not tell where they differ. An empty secret equals nothing. */
  dispatch_status (*secret_verify)(const dispatch_host* host, const dispatch_call* call, dispatch_secret_handle secret,
                                   dispatch_str prefix, dispatch_str given);
} dispatch_crypto_1;

#ifdef __cplusplus
}
#endif
#endif
