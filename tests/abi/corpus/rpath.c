/* Tells the loader where to look for libraries, in the older way. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
