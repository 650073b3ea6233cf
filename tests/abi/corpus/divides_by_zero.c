/* Divides by zero. */
#include "corpus.h"

static volatile int zero;
CORPUS_METHOD {
  if (17 / zero > 0) return DISPATCH_ERR_INTERNAL;
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
