/* The answer is JSON, but lacks what the contract demands. */
#include "corpus.h"

static dispatch_status invoke(dispatch_instance* instance, const dispatch_call* call, dispatch_str method,
                              dispatch_str in, dispatch_str* out) {
  UNUSED(instance), UNUSED(method), UNUSED(in), UNUSED(out);
  return answer(call, "{\"resource_id\": 17}", out);
}
CORPUS_INTEGRATION(invoke)
CORPUS_PLUGIN
