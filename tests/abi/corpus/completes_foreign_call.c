/* Completes a call that it made up, and its own never. */
#include "corpus.h"

CORPUS_METHOD {
  static dispatch_call forged;
  forged = *call;
  forged.host_data = NULL;
  call->complete(&forged, DISPATCH_OK, out);
  return DISPATCH_PENDING;
}
CORPUS_PLUGIN
