/* The required function create is NULL. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, NULL, NULL)
