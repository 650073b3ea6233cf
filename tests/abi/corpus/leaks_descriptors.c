/* Opens descriptors and closes none. */
#define _GNU_SOURCE
#include "corpus.h"

#include <unistd.h>

CORPUS_METHOD {
  int count;
  for (count = 0; count < 500; ++count)
    if (dup(1) < 0) return call->fail(call, DISPATCH_ERR_LIMIT, text("no more descriptors"), 0);
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
