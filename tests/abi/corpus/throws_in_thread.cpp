// A thread of its own ends by an exception, which ends the process.
#include "corpus.h"

#include <stdexcept>
#include <thread>

CORPUS_METHOD {
  std::thread([] { throw std::runtime_error("thrown in a thread"); }).detach();
  return DISPATCH_PENDING;
}
CORPUS_PLUGIN
