/* Answers what it is asked, byte for byte; "hang" never answers. In C: what is measured is the host. */
#include <dispatch/abi.h>
#include <string.h>
#include <unistd.h>

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

static char the_instance;

static dispatch_status create(const dispatch_host* host, const dispatch_call* call, dispatch_str config_json,
                              dispatch_instance** out) {
  (void)host, (void)call, (void)config_json;
  *out = (dispatch_instance*)&the_instance;
  return DISPATCH_OK;
}

static void destroy(dispatch_instance* instance) { (void)instance; }

static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  char* copy;
  (void)instance;
  if (method.len == 4 && memcmp(method.ptr, "hang", 4) == 0)
    for (;;) pause();
  copy = (char*)call->alloc(call, in.len, 1);
  if (copy == NULL) return DISPATCH_ERR_LIMIT;
  memcpy(copy, in.ptr, in.len);
  out->ptr = copy;
  out->len = in.len;
  return DISPATCH_OK;
}

static const dispatch_method echo_method = {sizeof(dispatch_method), DISPATCH_EFFECT_READ, 1, 0,
                                            TEXT("echo")};
static const dispatch_method hang_method = {sizeof(dispatch_method), DISPATCH_EFFECT_READ, 1, 0,
                                            TEXT("hang")};
static const dispatch_method* const methods[] = {&echo_method, &hang_method};
static const dispatch_integration_1 integration = {sizeof(dispatch_integration_1), 2, methods, invoke};

static const void* get_interface(dispatch_instance* instance, dispatch_str id) {
  (void)instance;
  return id.len == strlen(DISPATCH_INTEGRATION_1) && memcmp(id.ptr, DISPATCH_INTEGRATION_1, id.len) == 0
             ? &integration
             : NULL;
}

static const dispatch_plugin_v1 plugin = {sizeof(dispatch_plugin_v1),
                                          DISPATCH_ABI_MINOR,
                                          TEXT(DISPATCH_PLUGIN_ID),
                                          TEXT("1.0.0"),
                                          TEXT("C " __VERSION__),
                                          create,
                                          NULL,
                                          NULL,
                                          NULL,
                                          NULL,
                                          destroy,
                                          get_interface};

__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1(void);
const dispatch_plugin_v1* dispatch_plugin_query_v1(void) { return &plugin; }
