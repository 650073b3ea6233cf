/* A plugin that can do nothing: the smallest valid library. */
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
#ifndef TINY_BUILD
#define TINY_BUILD "tiny"
#endif

static const dispatch_plugin_v1 table = {sizeof(dispatch_plugin_v1),
                                         DISPATCH_ABI_MINOR,
                                         {TINY_ID, sizeof TINY_ID - 1},
                                         {"1.0.0", 5},
                                         {TINY_BUILD, sizeof TINY_BUILD - 1},
                                         create,
                                         0,
                                         0,
                                         0,
                                         0,
                                         destroy,
                                         get_interface};

const dispatch_plugin_v1* dispatch_plugin_query_v1(void);
__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1(void) {
  return &table;
}
