/* The required function destroy is NULL. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
#define corpus_destroy NULL
CORPUS_PLUGIN
