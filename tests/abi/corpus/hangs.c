/* Works on until somebody cancels: a deadline has to. */
#include "corpus.h"

CORPUS_METHOD {
  while (call->is_cancelled(call) == 0) {
  }
  return call->fail(call, DISPATCH_ERR_CANCELLED, text("stopped, as asked"), 0);
}
CORPUS_PLUGIN
