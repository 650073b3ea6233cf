/* Completes a call that has ended: that of its create. */
#include "corpus.h"

static const dispatch_call* ended;
static dispatch_status make(const dispatch_host* host, const dispatch_call* call, dispatch_str config,
                            dispatch_instance** out) {
  ended = call;
  return corpus_create(host, call, config, out);
}

CORPUS_METHOD {
  ended->complete(ended, DISPATCH_OK, NULL);
  return answer(call, GOOD_TICKET, out);
}
CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, make, NULL)
