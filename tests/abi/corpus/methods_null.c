/* Claims a method, and has no list of them. */
#include "corpus.h"

static const dispatch_integration_1 integration = {sizeof(dispatch_integration_1), 1, NULL,
                                                   corpus_good_invoke};
static const void* corpus_interface(dispatch_instance* instance, dispatch_str id) {
  UNUSED(instance);
  return corpus_same(id, DISPATCH_INTEGRATION_1) ? &integration : NULL;
}
CORPUS_PLUGIN
