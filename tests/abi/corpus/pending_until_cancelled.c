/* Answers PENDING and completes only when it is cancelled. */
#include "corpus.h"

static void cancelled(void* user) {
  const dispatch_call* call = (const dispatch_call*)user;
  call->fail(call, DISPATCH_ERR_CANCELLED, text("stopped, as asked"), 0);
  call->complete(call, DISPATCH_ERR_CANCELLED, NULL);
}

static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  UNUSED(instance), UNUSED(method), UNUSED(in), UNUSED(out);
  /* Cast away const: the callback's user pointer is not const, the call itself stays untouched. */
  if (call->on_cancel(call, cancelled, (void*)(uintptr_t)call) != DISPATCH_OK)
    return DISPATCH_ERR_UNSUPPORTED;
  return DISPATCH_PENDING;
}
CORPUS_INTEGRATION(invoke)
CORPUS_PLUGIN
