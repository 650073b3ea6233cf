/* The answer is not JSON. */
#include "corpus.h"

CORPUS_METHOD { return answer(call, "{\"resource_id\": ", out); }
CORPUS_PLUGIN
