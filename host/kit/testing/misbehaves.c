/* A ticket plugin for the tests of the kit: sound, unless its setting "defect" names one of the defects
 * below. */
#include <dispatch/abi.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

struct dispatch_instance {
  char defect[32];
  int starts;
};

static int instances;

static dispatch_str text(const char* literal) {
  dispatch_str out;
  out.ptr = literal;
  out.len = strlen(literal);
  return out;
}

static int has(const dispatch_instance* self, const char* defect) {
  return strcmp(self->defect, defect) == 0;
}

static dispatch_status create(const dispatch_host* host, const dispatch_call* call, dispatch_str config,
                              dispatch_instance** out) {
  static const char key[] = "\"defect\":\"";
  dispatch_instance* self = (dispatch_instance*)calloc(1, sizeof *self);
  uint64_t at, i = 0;
  (void)host;
  for (at = 0; at + sizeof key - 1 < config.len; ++at)
    if (memcmp(config.ptr + at, key, sizeof key - 1) == 0) {
      at += sizeof key - 1;
      while (at < config.len && config.ptr[at] != '"' && i + 1 < sizeof self->defect)
        self->defect[i++] = config.ptr[at++];
      break;
    }
  if ((has(self, "one-instance") && instances > 0) || has(self, "silent-create")) {
    free(self);
    return call->fail(call, DISPATCH_ERR_INVALID, text("refused"), 0);
  }
  ++instances;
  *out = self;
  return DISPATCH_OK;
}

static void destroy(dispatch_instance* self) {
  --instances;
  free(self);
}

static dispatch_status start(dispatch_instance* self, const dispatch_call* call) {
  if (self->starts++ > 0 && has(self, "one-start"))
    return call->fail(call, DISPATCH_ERR_INTERNAL, text("It was started before."), 0);
  return DISPATCH_OK;
}

static dispatch_status answer(const dispatch_call* call, const char* literal, dispatch_str* out) {
  char* memory = (char*)call->alloc(call, strlen(literal), 1);
  memcpy(memory, literal, strlen(literal));
  out->ptr = memory;
  out->len = strlen(literal);
  return DISPATCH_OK;
}

static dispatch_status invoke(dispatch_instance* self, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  (void)in;
  if (method.len != 6 || memcmp(method.ptr, "create", 6) != 0) {
    if (method.len == 6 || has(self, "any-method")) return answer(call, "{}", out);
    return call->fail(call, DISPATCH_ERR_UNSUPPORTED, text("There is no such method."), 0);
  }
  if (has(self, "crash")) abort();
  if (has(self, "exit")) exit(3);
  if (has(self, "hang")) sleep(7);
  if (has(self, "silent")) return DISPATCH_ERR_UNAVAILABLE;
  if (has(self, "contract")) return answer(call, "{\"resource_id\":7}", out);
  if (has(self, "environment") && getenv("PATH") == NULL)
    return call->fail(call, DISPATCH_ERR_INVALID, text("There is no PATH."), 0);
  if (has(self, "file")) close(open("/etc/hostname", O_RDONLY));
  return answer(call, "{\"resource_id\":\"1\",\"weblink\":\"\"}", out);
}

static dispatch_status test(dispatch_instance* self, const dispatch_call* call, dispatch_str in,
                            dispatch_str* out) {
  (void)in;
  return answer(call, has(self, "report") ? "[]" : "{\"summary\":\"Fine.\",\"ok\":true,\"checks\":[]}", out);
}

static const dispatch_method create_method = {sizeof(dispatch_method), DISPATCH_EFFECT_READ, 1, 0,
                                              TEXT("create")};
static const dispatch_method update_method = {sizeof(dispatch_method), DISPATCH_EFFECT_READ, 1, 0,
                                              TEXT("update")};
static const dispatch_method* const methods[] = {&create_method, &update_method};
static const dispatch_integration_1 integration = {sizeof(dispatch_integration_1), 2, methods, invoke};
static const dispatch_health_1 health = {sizeof(dispatch_health_1), 0, test};

static const void* get_interface(dispatch_instance* self, dispatch_str id) {
  (void)self;
  if (id.len == strlen(DISPATCH_HEALTH_1) && memcmp(id.ptr, DISPATCH_HEALTH_1, id.len) == 0) return &health;
  if (id.len == strlen(DISPATCH_INTEGRATION_1) && memcmp(id.ptr, DISPATCH_INTEGRATION_1, id.len) == 0)
    return &integration;
  return NULL;
}

static const dispatch_plugin_v1 plugin = {sizeof(dispatch_plugin_v1),
                                          DISPATCH_ABI_MINOR,
                                          TEXT("misbehaves"),
                                          TEXT("1.0.0"),
                                          TEXT("C11"),
                                          create,
                                          start,
                                          NULL,
                                          NULL,
                                          NULL,
                                          destroy,
                                          get_interface};

__attribute__((visibility("default"))) const dispatch_plugin_v1* dispatch_plugin_query_v1(void);
const dispatch_plugin_v1* dispatch_plugin_query_v1(void) { return &plugin; }
