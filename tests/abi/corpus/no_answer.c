/* OK, and nothing else. */
#include "corpus.h"

CORPUS_METHOD { return DISPATCH_OK; }
CORPUS_PLUGIN
