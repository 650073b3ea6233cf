/* The required function get_interface is NULL. */
#include "corpus.h"

#define corpus_interface NULL
CORPUS_PLUGIN
