/* OK, with a length but no text. */
#include "corpus.h"

CORPUS_METHOD {
  out->ptr = NULL;
  out->len = 40;
  return DISPATCH_OK;
}
CORPUS_PLUGIN
