/* Holds the layout of the ABI: sizes, offsets, no tail padding, and the first member of every struct that
 * grows. Compiled as C99 and as C++; that it compiles is the test. */
#include <dispatch/abi.h>

#ifdef __cplusplus
#define HOLD(name, condition) static_assert(condition, #name)
#else
#define HOLD(name, condition) typedef char hold_##name[(condition) ? 1 : -1]
#endif

HOLD(pointers_are_64_bits, sizeof(void*) == 8);
HOLD(major, DISPATCH_ABI_MAJOR == 1);

#define FIELD(type, member, at) HOLD(type##_##member, offsetof(type, member) == (at));
#define STRUCT(type, last, size)             \
  HOLD(type##_size, sizeof(type) == (size)); \
  HOLD(type##_has_no_tail_padding, offsetof(type, last) + sizeof(((type*)0)->last) == sizeof(type));
#include "layout_lock.inc"
#undef FIELD
#undef STRUCT

/* Values go into plugins that were compiled long ago. */
HOLD(ok, DISPATCH_OK == 0 && DISPATCH_PENDING == 1);
HOLD(errors, DISPATCH_ERR_INVALID == -1 && DISPATCH_ERR_UNAVAILABLE == -2 && DISPATCH_ERR_DENIED == -3 &&
                 DISPATCH_ERR_NOT_FOUND == -4 && DISPATCH_ERR_TIMEOUT == -5 && DISPATCH_ERR_CANCELLED == -6 &&
                 DISPATCH_ERR_UNSUPPORTED == -7 && DISPATCH_ERR_INTERNAL == -8 &&
                 DISPATCH_ERR_UNCERTAIN == -9 && DISPATCH_ERR_LIMIT == -10);
HOLD(effects, DISPATCH_EFFECT_READ == 1 && DISPATCH_EFFECT_IDEMPOTENT == 2 && DISPATCH_EFFECT_FINDABLE == 3 &&
                  DISPATCH_EFFECT_AT_MOST_ONCE == 4);
HOLD(actions, DISPATCH_AUTH_LOGIN == 1 && DISPATCH_AUTH_REGISTER == 2 && DISPATCH_AUTH_CHANGE_PASSWORD == 3 &&
                  DISPATCH_AUTH_CALLBACK == 4 && DISPATCH_AUTH_LOGOUT == 5 && DISPATCH_AUTH_TOKEN == 6);
HOLD(kinds, DISPATCH_AUTH_DENY == 0 && DISPATCH_AUTH_IDENTITY == 1 && DISPATCH_AUTH_REDIRECT == 2 &&
                DISPATCH_AUTH_FORM == 3 && DISPATCH_AUTH_CHALLENGE == 4);
HOLD(levels, DISPATCH_LOG_ERROR == 1 && DISPATCH_LOG_WARNING == 2 && DISPATCH_LOG_INFO == 3 &&
                 DISPATCH_LOG_DEBUG == 4);
