/* Says that it is built with a sanitizer, which this host is not. */
#include "corpus.h"

#undef CORPUS_BUILD
#if defined(__SANITIZE_ADDRESS__)
#define CORPUS_BUILD "corpus tsan"
#else
#define CORPUS_BUILD "corpus asan"
#endif
CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
