/* Aborts in start. */
#include "corpus.h"

#include <stdlib.h>

CORPUS_INTEGRATION(corpus_good_invoke)
static dispatch_status start(dispatch_instance* instance, const dispatch_call* call) {
  UNUSED(instance), UNUSED(call);
  abort();
}
CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, corpus_create, start)
