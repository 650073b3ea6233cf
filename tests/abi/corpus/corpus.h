/* The parts of a ticket plugin in C that every file of the corpus shares. A file defines what is wrong, then
 * says CORPUS_PLUGIN. */
#ifndef CORPUS_H
#define CORPUS_H

#include <dispatch/abi.h>
#include <string.h>

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }
#define UNUSED(name) (void)name
#define MAYBE_UNUSED __attribute__((unused))

static inline dispatch_str text(const char* literal) {
  dispatch_str out;
  out.ptr = literal;
  out.len = strlen(literal);
  return out;
}

/* Copies into the call's arena. */
static inline dispatch_status answer(const dispatch_call* call, const char* json, dispatch_str* out) {
  const size_t size = strlen(json);
  char* memory = (char*)call->alloc(call, size, 1);
  if (memory == NULL) return call->fail(call, DISPATCH_ERR_LIMIT, text("no memory"), 0);
  memcpy(memory, json, size);
  out->ptr = memory;
  out->len = size;
  return DISPATCH_OK;
}

#define GOOD_TICKET "{\"resource_id\": \"C-1\", \"weblink\": \"https://c.example/1\"}"

static int corpus_instance;

static inline dispatch_status corpus_create(const dispatch_host* host, const dispatch_call* call,
                                            dispatch_str config, dispatch_instance** out) {
  UNUSED(host), UNUSED(call), UNUSED(config);
  *out = (dispatch_instance*)&corpus_instance;
  return DISPATCH_OK;
}
static inline void corpus_destroy(dispatch_instance* instance) { UNUSED(instance); }

/* What a call's method does. */
typedef dispatch_status (*corpus_invoke)(dispatch_instance*, const dispatch_call*, dispatch_str, dispatch_str,
                                         dispatch_str*);

/* `CORPUS_METHOD { … }` is a plugin's one method, "create"; the names of its parameters are those below. */
#define CORPUS_METHOD                                                                                        \
  static dispatch_status corpus_called(dispatch_instance*, const dispatch_call*, dispatch_str, dispatch_str, \
                                       dispatch_str*);                                                       \
  CORPUS_INTEGRATION(corpus_called)                                                                          \
  static dispatch_status corpus_called(                                                                      \
      MAYBE_UNUSED dispatch_instance* instance, MAYBE_UNUSED const dispatch_call* call,                      \
      MAYBE_UNUSED dispatch_str method, MAYBE_UNUSED dispatch_str in, MAYBE_UNUSED dispatch_str* out)

static inline int corpus_same(dispatch_str id, const char* literal) {
  return id.len == strlen(literal) && memcmp(id.ptr, literal, id.len) == 0;
}

static inline dispatch_status corpus_good_invoke(dispatch_instance* instance, const dispatch_call* call,
                                                 dispatch_str method, dispatch_str in, dispatch_str* out) {
  UNUSED(instance), UNUSED(in);
  if (method.len == 6 && memcmp(method.ptr, "create", 6) == 0) return answer(call, GOOD_TICKET, out);
  return call->fail(call, DISPATCH_ERR_UNSUPPORTED, text("no such method"), 0);
}

#define CORPUS_INTEGRATION(invoke_function)                                                                 \
  static const dispatch_method corpus_create_method = {sizeof(dispatch_method),                             \
                                                       DISPATCH_EFFECT_AT_MOST_ONCE, 1, 0, TEXT("create")}; \
  static const dispatch_method* const corpus_methods[] = {&corpus_create_method};                           \
  static const dispatch_integration_1 corpus_integration = {sizeof(dispatch_integration_1), 1,              \
                                                            corpus_methods, invoke_function};               \
  static const void* corpus_interface(dispatch_instance* instance, dispatch_str id) {                       \
    UNUSED(instance);                                                                                       \
    return corpus_same(id, DISPATCH_INTEGRATION_1) ? &corpus_integration : NULL;                            \
  }

#if defined(__SANITIZE_ADDRESS__)
#define CORPUS_BUILD "corpus asan"
#elif defined(__SANITIZE_THREAD__)
#define CORPUS_BUILD "corpus tsan"
#else
#define CORPUS_BUILD "corpus"
#endif

#ifdef __cplusplus
#define CORPUS_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define CORPUS_EXPORT __attribute__((visibility("default")))
#endif

#define CORPUS_TABLE(size, id, version, create_function, start_function)  \
  static const dispatch_plugin_v1 corpus_table = {size,                   \
                                                  DISPATCH_ABI_MINOR,     \
                                                  TEXT(id),               \
                                                  TEXT(version),          \
                                                  TEXT(CORPUS_BUILD),     \
                                                  create_function,        \
                                                  start_function,         \
                                                  NULL,                   \
                                                  NULL,                   \
                                                  NULL,                   \
                                                  corpus_destroy,         \
                                                  corpus_interface};      \
  CORPUS_EXPORT const dispatch_plugin_v1* dispatch_plugin_query_v1(void); \
  const dispatch_plugin_v1* dispatch_plugin_query_v1(void) { return &corpus_table; }

/* Runs inside dlopen, before anybody has looked at what the library says. */
#define CORPUS_CONSTRUCTOR __attribute__((constructor)) static void corpus_constructor(void)

#define CORPUS_PLUGIN \
  CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, corpus_create, NULL)

#endif
