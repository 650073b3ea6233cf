/* A static constructor aborts. */
#define _GNU_SOURCE
#include "corpus.h"

#include <stdlib.h>

CORPUS_CONSTRUCTOR { abort(); }
CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
