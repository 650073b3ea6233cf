/* Exports a second symbol. */
#include "corpus.h"

CORPUS_EXPORT int corpus_helper(void);
int corpus_helper(void) { return 1; }
CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
