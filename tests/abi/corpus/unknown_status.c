/* A status of the future. */
#include "corpus.h"

CORPUS_METHOD { return 77; }
CORPUS_PLUGIN
