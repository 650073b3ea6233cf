/* A source in C99, over <dispatch/abi.h>: the rules are at the top of that header. */
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

/* Finds nothing: it stays where it is, and is asked again in a minute. Look outside with dispatch.http/1 or
 * dispatch.stream/1, tell the host what came with dispatch.event/1, and answer where to go on. The cursor
 * comes back as it was answered; what is answered lies in the memory of the call.
 */
static dispatch_status poll(dispatch_instance* instance, const dispatch_call* call, dispatch_str cursor,
                            dispatch_source_result* out) {
  (void)instance;
  if (cursor.len > 0) {
    char* kept = call->alloc(call, cursor.len, 1);
    if (kept == NULL)
      return call->fail(call, DISPATCH_ERR_LIMIT, text("There is no memory for the cursor."), 0);
    memcpy(kept, cursor.ptr, cursor.len);
    out->cursor.ptr = kept;
    out->cursor.len = cursor.len;
  }
  out->next_poll_ms = 60000;
  return DISPATCH_OK;
}

static const dispatch_source_1 source = {sizeof(dispatch_source_1), 0, poll};

static const void* get_interface(dispatch_instance* instance, dispatch_str id) {
  (void)instance;
  return equals(id, DISPATCH_SOURCE_1) ? &source : NULL;
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
