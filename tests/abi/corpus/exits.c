/* Ends the process in order, with all that is registered with atexit. */
#include "corpus.h"

#include <stdlib.h>

CORPUS_METHOD { exit(3); }
CORPUS_PLUGIN
