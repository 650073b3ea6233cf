/* The table's version is not the manifest's. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, "9.9.9", corpus_create, NULL)
