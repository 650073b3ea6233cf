/* A static constructor does not end. */
#define _GNU_SOURCE
#include "corpus.h"

#include <unistd.h>

CORPUS_CONSTRUCTOR {
  for (;;) pause();
}
CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
