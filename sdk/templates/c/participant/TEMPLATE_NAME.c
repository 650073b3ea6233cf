/* A participant plugin in C99, over <dispatch/abi.h>: the rules are at the top of that header. */
#include <dispatch/abi.h>
#include <string.h>

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

static int equals(dispatch_str text, const char* literal) {
  return text.len == strlen(literal) && memcmp(text.ptr, literal, text.len) == 0;
}

static dispatch_str text(const char* literal) {
  dispatch_str out;
  out.ptr = literal;
  out.len = strlen(literal);
  return out;
}

/* The parts one after the other, in memory that lives as long as the call: no other is taken for an answer.
 */
static dispatch_status answer(const dispatch_call* call, const dispatch_str* parts, size_t count,
                              dispatch_str* out) {
  uint64_t length = 0;
  size_t i;
  char* memory;
  for (i = 0; i < count; ++i) length += parts[i].len;
  memory = (char*)call->alloc(call, length, 1);
  if (memory == NULL)
    return call->fail(call, DISPATCH_ERR_LIMIT, text("There is no memory for the answer."), 0);
  out->ptr = memory;
  out->len = length;
  for (i = 0; i < count; ++i) {
    memcpy(memory, parts[i].ptr, parts[i].len);
    memory += parts[i].len;
  }
  return DISPATCH_OK;
}

static dispatch_status answer_text(const dispatch_call* call, const char* literal, dispatch_str* out) {
  const dispatch_str part = text(literal);
  return answer(call, &part, 1, out);
}

/* There are no settings and nothing to keep: one object serves as every instance. A plugin with more
 * allocates here, and frees in destroy. */
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
  (void)instance, (void)in, (void)out;
  if (equals(method, "get")) /* nobody, until you say who */
    return answer_text(call, "{\"individuals\":[],\"teams\":[]}", out);
  return call->fail(call, DISPATCH_ERR_UNSUPPORTED, text("This plugin has no such method."), 0);
}

static const dispatch_method get_method = {sizeof(dispatch_method), DISPATCH_EFFECT_READ, 1, 0, TEXT("get")};
static const dispatch_method* const methods[] = {&get_method};
static const dispatch_integration_1 integration = {sizeof(dispatch_integration_1),
                                                   sizeof methods / sizeof *methods, methods, invoke};

static const void* get_interface(dispatch_instance* instance, dispatch_str id) {
  (void)instance;
  return equals(id, DISPATCH_INTEGRATION_1) ? &integration : NULL;
}

static const dispatch_plugin_v1 plugin = {sizeof(dispatch_plugin_v1),
                                          DISPATCH_ABI_MINOR,
                                          TEXT(DISPATCH_PLUGIN_ID),
                                          TEXT(DISPATCH_PLUGIN_VERSION),
                                          TEXT("C99 " __VERSION__),
                                          create,
                                          NULL, /* start */
                                          NULL, /* reconfigure: the host makes a new instance */
                                          NULL, /* drain */
                                          NULL, /* stop */
                                          destroy,
                                          get_interface};

__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1(void);
const dispatch_plugin_v1* dispatch_plugin_query_v1(void) { return &plugin; }
