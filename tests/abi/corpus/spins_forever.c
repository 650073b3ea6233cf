/* Works on for ever, deaf to cancellation. */
#include "corpus.h"

static volatile int always = 1;
CORPUS_METHOD {
  while (always) {
  }
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
