/* Asks for an executable stack. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
