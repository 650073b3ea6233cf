/* Asks for more memory than a call may have. */
#include "corpus.h"

CORPUS_METHOD {
  if (call->alloc(call, (uint64_t)20 << 20U, 8) != NULL) return answer(call, GOOD_TICKET, out);
  return call->fail(call, DISPATCH_ERR_LIMIT, text("20 MiB were not to be had"), 0);
}
CORPUS_PLUGIN
