/* Names a library that may answer for it (DT_AUXILIARY). */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
