/* Ends the process without a word. */
#define _GNU_SOURCE
#include "corpus.h"

#include <unistd.h>

CORPUS_METHOD { _exit(4); }
CORPUS_PLUGIN
