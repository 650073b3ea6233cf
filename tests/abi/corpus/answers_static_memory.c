/* The answer is not in the memory of its call. */
#include "corpus.h"

CORPUS_METHOD {
  *out = text(GOOD_TICKET);
  return DISPATCH_OK;
}
CORPUS_PLUGIN
