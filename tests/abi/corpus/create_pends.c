/* create answers "pending", which it may not. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
static dispatch_status make(const dispatch_host* host, const dispatch_call* call, dispatch_str config,
                            dispatch_instance** out) {
  UNUSED(host), UNUSED(call), UNUSED(config), UNUSED(out);
  return DISPATCH_PENDING;
}
CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, make, NULL)
