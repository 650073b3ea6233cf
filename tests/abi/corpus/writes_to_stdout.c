/* Writes to standard output, where a server has its log. */
#include "corpus.h"

#include <stdio.h>

CORPUS_METHOD {
  printf("a plugin was here\n");
  fflush(stdout);
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
