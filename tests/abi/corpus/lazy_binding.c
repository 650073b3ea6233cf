/* Not linked with -z now: what it calls could be redirected while it runs. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
