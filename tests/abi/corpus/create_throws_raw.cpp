// An exception that crosses the boundary, which rule 6 forbids: a plugin in C++ without the SDK's barrier.
#include "corpus.h"

#include <stdexcept>

CORPUS_INTEGRATION(corpus_good_invoke)
static dispatch_status make(const dispatch_host*, const dispatch_call*, dispatch_str, dispatch_instance**) {
  throw std::runtime_error("thrown across the boundary");
}
CORPUS_TABLE(sizeof(dispatch_plugin_v1), DISPATCH_PLUGIN_ID, DISPATCH_PLUGIN_VERSION, make, NULL)
