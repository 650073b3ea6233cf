/* The answer is JSON, but lacks what the contract demands. */
#include "corpus.h"

CORPUS_METHOD { return answer(call, "{\"resource_id\": 17}", out); }
CORPUS_PLUGIN
