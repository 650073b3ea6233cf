/* A plugin that can do nothing: the smallest valid library, and, by one definition each, the defects that a
 * library can have. */
#include <dispatch/abi.h>

static dispatch_status create(const dispatch_host* host, const dispatch_call* call, dispatch_str config,
                              dispatch_instance** out) {
  static int instance;
  (void)host;
  (void)call;
  (void)config;
  *out = (dispatch_instance*)&instance;
  return DISPATCH_OK;
}
static void destroy(dispatch_instance* self) { (void)self; }
static const void* get_interface(dispatch_instance* self, dispatch_str id) {
  (void)self;
  (void)id;
  return NULL;
}

#ifndef TINY_ID
#define TINY_ID "tiny"
#endif
#ifndef TINY_SIZE
#define TINY_SIZE sizeof(dispatch_plugin_v1)
#endif
#ifndef TINY_BUILD
#define TINY_BUILD "tiny"
#endif

#if defined(TINY_WITHOUT_CREATE)
#define CREATE 0
#else
#define CREATE create
#endif

static const dispatch_plugin_v1 table = {TINY_SIZE,
                                         DISPATCH_ABI_MINOR,
                                         {TINY_ID, sizeof TINY_ID - 1},
                                         {"1.0.0", 5},
                                         {TINY_BUILD, sizeof TINY_BUILD - 1},
                                         CREATE,
                                         0,
                                         0,
                                         0,
                                         0,
                                         destroy,
                                         get_interface};

#if defined(TINY_MISSING_SYMBOL)
#define dispatch_plugin_query_v1 dispatch_plugin_query_v0
#endif
const dispatch_plugin_v1* dispatch_plugin_query_v1(void);
__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1(void) {
#if defined(TINY_NULL_TABLE)
  (void)table;
  (void)create;
  return 0;
#else
  (void)create;
  return &table;
#endif
}

#if defined(TINY_EXTRA_EXPORT)
int helper(void);
__attribute__((visibility("default"))) int helper(void) { return 1; }
#endif
