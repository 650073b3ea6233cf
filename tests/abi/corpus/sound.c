/* The control: nothing is wrong. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
