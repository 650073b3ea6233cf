/* Runs what is no instruction. */
#include "corpus.h"

CORPUS_METHOD { __builtin_trap(); }
CORPUS_PLUGIN
