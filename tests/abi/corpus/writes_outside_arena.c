/* Writes far past what it was given. */
#include "corpus.h"

CORPUS_METHOD {
  volatile char* memory = (volatile char*)call->alloc(call, 64, 16);
  uint64_t at;
  for (at = 0; at < (uint64_t)1 << 40U; at += 4096) memory[at] = 1;
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
