/* Answers only once it was cancelled, as if nothing had been. */
#include "corpus.h"

static void cancelled(void* user) {
  const dispatch_call* call = (const dispatch_call*)user;
  dispatch_str* out = (dispatch_str*)call->alloc(call, sizeof(dispatch_str), 8);
  const dispatch_status status = answer(call, GOOD_TICKET, out);
  call->complete(call, status, out);
}

CORPUS_METHOD {
  if (call->on_cancel(call, cancelled, (void*)(uintptr_t)call) != DISPATCH_OK)
    return DISPATCH_ERR_UNSUPPORTED;
  return DISPATCH_PENDING;
}
CORPUS_PLUGIN
