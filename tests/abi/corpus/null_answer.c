/* OK, with a length but no text. */
#include "corpus.h"

static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  UNUSED(instance), UNUSED(method), UNUSED(in), UNUSED(out);
  UNUSED(call);
  out->ptr = NULL;
  out->len = 40;
  return DISPATCH_OK;
}
CORPUS_INTEGRATION(invoke)
CORPUS_PLUGIN
