/* Asks for more memory than a call may have. */
#include "corpus.h"

static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  UNUSED(instance), UNUSED(method), UNUSED(in), UNUSED(out);
  if (call->alloc(call, (uint64_t)20 << 20U, 8) != NULL) return answer(call, GOOD_TICKET, out);
  return call->fail(call, DISPATCH_ERR_LIMIT, text("20 MiB were not to be had"), 0);
}
CORPUS_INTEGRATION(invoke)
CORPUS_PLUGIN
