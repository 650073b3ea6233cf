/* A method without a name. */
#include "corpus.h"

static const dispatch_method method = {
    sizeof(dispatch_method), DISPATCH_EFFECT_AT_MOST_ONCE, 1, 0, {NULL, 0}};
static const dispatch_method* const methods[] = {&method};
static const dispatch_integration_1 integration = {sizeof(dispatch_integration_1), 1, methods,
                                                   corpus_good_invoke};
static const void* corpus_interface(dispatch_instance* instance, dispatch_str id) {
  UNUSED(instance);
  return corpus_same(id, DISPATCH_INTEGRATION_1) ? &integration : NULL;
}
CORPUS_PLUGIN
