/* Calls itself until the stack is used up. */
#include "corpus.h"

static volatile int depth;
static int deeper(volatile char* above) {
  volatile char here[65536];
  here[0] = above[0];
  return ++depth > 0 ? deeper(here) + here[0] : 0;
}
CORPUS_METHOD {
  volatile char first[1] = {1};
  if (deeper(first) == 0) return DISPATCH_ERR_INTERNAL;
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
