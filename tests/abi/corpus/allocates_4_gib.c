/* Takes 4 GiB, and takes for granted that it gets them. */
#include "corpus.h"

#include <stdlib.h>

CORPUS_METHOD {
  const size_t size = (size_t)4 << 30U;
  volatile char* memory = (volatile char*)malloc(size);
  size_t at;
  for (at = 0; at < size; at += 4096) memory[at] = 1;
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
