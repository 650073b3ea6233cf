/* Scalars, text and status values shared by the whole ABI. */
#ifndef DISPATCH_ABI_TYPES_H
#define DISPATCH_ABI_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DISPATCH_ABI_MAJOR 1
#define DISPATCH_ABI_MINOR 0
#define DISPATCH_ABI_STATUS "v1-draft"

/* A function or field `f` of the struct type `T` is there on the peer that made `*p` (rule 2). For fields that are no
 * pointers, the last term is "not zero": read such a field only after comparing sizes with DISPATCH_REACHES. */
#define DISPATCH_REACHES(p, T, f) ((p) != NULL && (p)->struct_size >= offsetof(T, f) + sizeof(((T*)0)->f))
#define DISPATCH_HAS(p, T, f) (DISPATCH_REACHES(p, T, f) && (p)->f)

/* UTF-8 text or bytes: `len` bytes at `ptr`, not NUL-terminated, borrowed. {NULL, 0} is empty. */
typedef struct dispatch_str {
  const char* ptr;
  uint64_t len;
} dispatch_str;

typedef int32_t dispatch_status;
#define DISPATCH_OK ((dispatch_status)0)
#define DISPATCH_PENDING ((dispatch_status)1)            /* will be completed by dispatch_call.complete */
#define DISPATCH_ERR_INVALID ((dispatch_status)-1)       /* this input or configuration can never work: no retry */
#define DISPATCH_ERR_UNAVAILABLE ((dispatch_status)-2)   /* nothing happened; later it may work: retry */
#define DISPATCH_ERR_DENIED ((dispatch_status)-3)        /* credentials or permissions are not enough: a person must act */
#define DISPATCH_ERR_NOT_FOUND ((dispatch_status)-4)
#define DISPATCH_ERR_TIMEOUT ((dispatch_status)-5)       /* the deadline passed; whether it happened is unknown */
#define DISPATCH_ERR_CANCELLED ((dispatch_status)-6)
#define DISPATCH_ERR_UNSUPPORTED ((dispatch_status)-7)   /* no such method, encoder, algorithm, revision */
#define DISPATCH_ERR_INTERNAL ((dispatch_status)-8)      /* a defect of the plugin, e.g. an exception stopped at the barrier */
#define DISPATCH_ERR_UNCERTAIN ((dispatch_status)-9)     /* the effect may have happened: no blind repeat */
#define DISPATCH_ERR_LIMIT ((dispatch_status)-10)        /* a quota or size limit of the host */

/* What repeating a method may do, from harmless to harmful. Sent by plugins only, so it may grow; unknown = AT_MOST_ONCE. */
typedef uint32_t dispatch_effect;
#define DISPATCH_EFFECT_READ ((dispatch_effect)1)          /* changes nothing */
#define DISPATCH_EFFECT_IDEMPOTENT ((dispatch_effect)2)    /* the same idempotency key has the effect once */
#define DISPATCH_EFFECT_FINDABLE ((dispatch_effect)3)      /* "find" with the same input tells whether it happened */
#define DISPATCH_EFFECT_AT_MOST_ONCE ((dispatch_effect)4)  /* neither: an unknown outcome is for a person to decide */

/* An instance of a plugin: made by create, known only to the plugin. */
typedef struct dispatch_instance dispatch_instance;

/* A secret of the configuration. The plugin sees this number where the value would stand and names it to a service
 * ("header Authorization, encoder bearer, secret 3"); the host puts the value in. 0 is no secret. Valid for the life of
 * the configuration that contained it. */
typedef uint32_t dispatch_secret_handle;

#ifdef __cplusplus
}
#endif
#endif
