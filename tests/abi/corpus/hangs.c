/* Works on until somebody cancels: a deadline has to. */
#include "corpus.h"

static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  UNUSED(instance), UNUSED(method), UNUSED(in), UNUSED(out);
  while (call->is_cancelled(call) == 0) {
  }
  return call->fail(call, DISPATCH_ERR_CANCELLED, text("stopped, as asked"), 0);
}
CORPUS_INTEGRATION(invoke)
CORPUS_PLUGIN
