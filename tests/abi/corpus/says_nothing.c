/* Fails without a sentence. */
#include "corpus.h"

CORPUS_METHOD { return DISPATCH_ERR_DENIED; }
CORPUS_PLUGIN
