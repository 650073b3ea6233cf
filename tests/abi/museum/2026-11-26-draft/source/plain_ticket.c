/* A ticket plugin in plain C. It takes the incident's name out of the request and answers with it. */
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

/* There is nothing to keep: one object serves as every instance. */
static char the_instance;

static dispatch_status create(const dispatch_host* host, const dispatch_call* call, dispatch_str config_json,
                              dispatch_instance** out) {
  (void)host, (void)call, (void)config_json;
  *out = (dispatch_instance*)&the_instance;
  return DISPATCH_OK;
}

static void destroy(dispatch_instance* instance) { (void)instance; }

/* The value of "name" in the object "incident", as it stands between its quotes; a name has no escapes.
 * Enough for an example: the host has checked that the member is there; a plugin with more to read brings a
 * JSON parser. */
static dispatch_str incident_name(dispatch_str in) {
  static const char key[] = "\"name\":\"";
  const uint64_t length = sizeof key - 1;
  dispatch_str out = {NULL, 0};
  uint64_t start = 0;
  while (start + 11 < in.len && memcmp(in.ptr + start, "\"incident\":", 11) != 0) ++start;
  for (; start + length < in.len; ++start) {
    if (memcmp(in.ptr + start, key, length) == 0) {
      uint64_t end = start + length;
      while (end < in.len && in.ptr[end] != '"') ++end;
      out.ptr = in.ptr + start + length;
      out.len = end - start - length;
      return out;
    }
  }
  return out;
}

static dispatch_status create_ticket(const dispatch_call* call, dispatch_str in, dispatch_str* out) {
  static const char before[] = "{\"resource_id\":\"", after[] = "\",\"weblink\":\"\"}";
  const dispatch_str name = incident_name(in);
  char* answer;
  if (name.len == 0) return call->fail(call, DISPATCH_ERR_INVALID, text("The incident has no name."), 0);
  out->len = sizeof before - 1 + name.len + sizeof after - 1;
  answer = (char*)call->alloc(call, out->len, 1);
  if (answer == NULL)
    return call->fail(call, DISPATCH_ERR_LIMIT, text("There is no memory for the answer."), 0);
  memcpy(answer, before, sizeof before - 1);
  memcpy(answer + sizeof before - 1, name.ptr, name.len);
  memcpy(answer + sizeof before - 1 + name.len, after, sizeof after - 1);
  out->ptr = answer;
  return DISPATCH_OK;
}

/* There is nothing to bring in line. The answer has to be in the call's memory, even where it is always the
 * same. */
static dispatch_status update_ticket(const dispatch_call* call, dispatch_str* out) {
  char* answer = (char*)call->alloc(call, 2, 1);
  if (answer == NULL)
    return call->fail(call, DISPATCH_ERR_LIMIT, text("There is no memory for the answer."), 0);
  memcpy(answer, "{}", 2);
  out->ptr = answer;
  out->len = 2;
  return DISPATCH_OK;
}

static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  (void)instance;
  if (equals(method, "create")) return create_ticket(call, in, out);
  if (equals(method, "update")) return update_ticket(call, out);
  return call->fail(call, DISPATCH_ERR_UNSUPPORTED, text("This plugin creates and updates tickets only."), 0);
}

static const dispatch_method create_method = {sizeof(dispatch_method), DISPATCH_EFFECT_IDEMPOTENT, 1, 0,
                                              TEXT("create")};
static const dispatch_method update_method = {sizeof(dispatch_method), DISPATCH_EFFECT_IDEMPOTENT, 1, 0,
                                              TEXT("update")};
static const dispatch_method* const methods[] = {&create_method, &update_method};
static const dispatch_integration_1 integration = {sizeof(dispatch_integration_1), 2, methods, invoke};

static const void* get_interface(dispatch_instance* instance, dispatch_str id) {
  (void)instance;
  return equals(id, DISPATCH_INTEGRATION_1) ? &integration : NULL;
}

static const dispatch_plugin_v1 plugin = {sizeof(dispatch_plugin_v1),
                                          DISPATCH_ABI_MINOR,
                                          TEXT(DISPATCH_PLUGIN_ID),
                                          TEXT(DISPATCH_PLUGIN_VERSION),
                                          TEXT("C99"),
                                          create,
                                          NULL,
                                          NULL,
                                          NULL,
                                          NULL,
                                          destroy,
                                          get_interface};

__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1(void);
const dispatch_plugin_v1* dispatch_plugin_query_v1(void) { return &plugin; }
