// A method that lets an exception out, which nothing may cross: without the SDK's barrier.
#include "corpus.h"

CORPUS_METHOD { throw 17; }
CORPUS_PLUGIN
