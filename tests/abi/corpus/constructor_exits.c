/* A static constructor ends the process. */
#define _GNU_SOURCE
#include "corpus.h"

#include <unistd.h>

CORPUS_CONSTRUCTOR { _exit(5); }
CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
