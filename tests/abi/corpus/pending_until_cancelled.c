/* Answers PENDING and completes only when it is cancelled. */
#include "corpus.h"

static void cancelled(void* user) {
  const dispatch_call* call = (const dispatch_call*)user;
  call->fail(call, DISPATCH_ERR_CANCELLED, text("stopped, as asked"), 0);
  call->complete(call, DISPATCH_ERR_CANCELLED, NULL);
}

CORPUS_METHOD {
  /* Cast away const: the callback's user pointer is not const, the call itself stays untouched. */
  if (call->on_cancel(call, cancelled, (void*)(uintptr_t)call) != DISPATCH_OK)
    return DISPATCH_ERR_UNSUPPORTED;
  return DISPATCH_PENDING;
}
CORPUS_PLUGIN
