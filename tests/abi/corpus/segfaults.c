/* Writes to address 0. */
#include "corpus.h"

static volatile int* volatile nowhere;
CORPUS_METHOD {
  *nowhere = 1;
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
