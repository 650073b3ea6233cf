/* A ticket plugin without dispatch.integration/1. */
#include "corpus.h"

static const void* corpus_interface(dispatch_instance* instance, dispatch_str id) {
  UNUSED(instance), UNUSED(id);
  return NULL;
}
CORPUS_PLUGIN
