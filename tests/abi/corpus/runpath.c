/* Tells the loader where to look for libraries. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
