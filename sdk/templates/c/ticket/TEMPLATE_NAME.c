/* A ticket plugin in C99, over <dispatch/abi.h>: the rules are at the top of that header. */
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

/* The text of the first member `"key":"`, as it stands between its quotes. Enough for a beginning: what has
 * escapes or nests needs a JSON parser, which may be linked statically. */
static dispatch_str member(dispatch_str in, const char* key) {
  const uint64_t length = strlen(key);
  dispatch_str out = {NULL, 0};
  uint64_t start, end;
  for (start = 0; start + length < in.len; ++start) {
    if (memcmp(in.ptr + start, key, length) != 0) continue;
    end = start + length;
    while (end < in.len && in.ptr[end] != '"') ++end;
    out.ptr = in.ptr + start + length;
    out.len = end - start - length;
    break;
  }
  return out;
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

/* Every incident is its own ticket, until you open one elsewhere with dispatch.http/1. */
static dispatch_status create_ticket(const dispatch_call* call, dispatch_str in, dispatch_str* out) {
  const dispatch_str name = member(in, "\"name\":\"");
  dispatch_str parts[3];
  if (name.len == 0) return call->fail(call, DISPATCH_ERR_INVALID, text("The incident has no name."), 0);
  parts[0] = text("{\"resource_id\":\"");
  parts[1] = name;
  parts[2] = text("\",\"weblink\":\"\"}");
  return answer(call, parts, 3, out);
}

static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  (void)instance, (void)in, (void)out;
  if (equals(method, "create")) return create_ticket(call, in, out);
  if (equals(method, "update")) return answer_text(call, "{}", out);
  return call->fail(call, DISPATCH_ERR_UNSUPPORTED, text("This plugin has no such method."), 0);
}

static const dispatch_method create_method = {sizeof(dispatch_method), DISPATCH_EFFECT_IDEMPOTENT, 1, 0,
                                              TEXT("create")};
static const dispatch_method update_method = {sizeof(dispatch_method), DISPATCH_EFFECT_IDEMPOTENT, 1, 0,
                                              TEXT("update")};
static const dispatch_method* const methods[] = {&create_method, &update_method};
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
