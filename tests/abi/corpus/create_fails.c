/* create refuses, with a sentence. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
static dispatch_status refuse(const dispatch_host* host, const dispatch_call* call, dispatch_str config,
                              dispatch_instance** out) {
  UNUSED(host), UNUSED(config), UNUSED(out);
  return call->fail(call, DISPATCH_ERR_INVALID, text("The tracker has no project of that name."), 0);
}
CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, refuse, NULL)
