/* Says that it will complete the call later, and does not. */
#include "corpus.h"

CORPUS_METHOD { return DISPATCH_PENDING; }
CORPUS_PLUGIN
