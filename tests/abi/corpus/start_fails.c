/* start fails twice, then works. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
static int starts;
static dispatch_status start(dispatch_instance* instance, const dispatch_call* call) {
  UNUSED(instance);
  if (++starts > 2) return DISPATCH_OK;
  return call->fail(call, DISPATCH_ERR_UNAVAILABLE, text("The other side is not up yet."), 250);
}
CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, corpus_create, start)
