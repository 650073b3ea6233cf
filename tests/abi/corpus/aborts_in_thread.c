/* Aborts in a thread of its own. */
#define _GNU_SOURCE
#include "corpus.h"

#include <pthread.h>
#include <stdlib.h>

static void* work(void* user) {
  UNUSED(user);
  abort();
}

CORPUS_METHOD {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, NULL) != 0)
    return call->fail(call, DISPATCH_ERR_INTERNAL, text("no thread"), 0);
  pthread_detach(thread);
  return DISPATCH_PENDING;
}
CORPUS_PLUGIN
