/* struct_size ends before destroy. */
#include "corpus.h"

CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_TABLE(offsetof(dispatch_plugin_v1, destroy), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION,
             corpus_create, NULL)
