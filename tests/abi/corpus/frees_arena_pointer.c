/* Frees what belongs to the host. */
#include "corpus.h"

#include <stdlib.h>

CORPUS_METHOD {
  char* memory = (char*)call->alloc(call, 64, 16);
  memset(memory, 0, 64);
  free(call->alloc(call, 64, 16));
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
