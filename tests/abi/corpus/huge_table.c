/* struct_size is larger than any table will be. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_TABLE(0x7fffffff, DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, corpus_create, NULL)
