/* The table's id is not the manifest's. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_TABLE(sizeof(dispatch_plugin_v1), "somebody-else", DISPATCH_PLUGIN_VERSION, corpus_create, NULL)
