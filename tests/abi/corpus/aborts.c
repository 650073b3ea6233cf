/* Aborts. */
#include "corpus.h"

#include <stdlib.h>

CORPUS_METHOD { abort(); }
CORPUS_PLUGIN
