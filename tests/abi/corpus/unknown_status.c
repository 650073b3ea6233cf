/* A status of the future. */
#include "corpus.h"

static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  UNUSED(instance), UNUSED(method), UNUSED(in), UNUSED(out);
  UNUSED(call);
  return 77;
}
CORPUS_INTEGRATION(invoke)
CORPUS_PLUGIN
