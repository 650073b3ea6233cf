/* Cannot be without a service that this host does not have. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
static dispatch_status make(const dispatch_host* host, const dispatch_call* call, dispatch_str config,
                            dispatch_instance** out) {
  UNUSED(config);
  if (host->service(host, text("dispatch.telepathy/1")) == NULL)
    return call->fail(call, DISPATCH_ERR_UNSUPPORTED, text("This host has no dispatch.telepathy/1."), 0);
  *out = (dispatch_instance*)&corpus_instance;
  return DISPATCH_OK;
}
CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, make, NULL)
