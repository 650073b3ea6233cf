/* A receiver of webhooks in C99, over <dispatch/abi.h>: the rules are at the top of that header. */
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

/* Refuses everything: the sender is told 401, the sentence is for the operator. Check who sent it with
 * dispatch.crypto/1 (mac_verify, secret_verify), and tell the host what follows with dispatch.event/1 here.
 */
static dispatch_status receive(dispatch_instance* instance, const dispatch_call* call,
                               const dispatch_webhook_request* request, dispatch_webhook_response* out) {
  (void)instance, (void)request, (void)out;
  return call->fail(call, DISPATCH_ERR_DENIED,
                    text("Checking who sends is not written yet; nothing was done."), 0);
}

static const dispatch_webhook_1 webhook = {sizeof(dispatch_webhook_1), 0, NULL, receive};

static const void* get_interface(dispatch_instance* instance, dispatch_str id) {
  (void)instance;
  return equals(id, DISPATCH_WEBHOOK_1) ? &webhook : NULL;
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
