/* Answers PENDING and completes from a thread of its own, possibly before invoke has returned. */
#define _POSIX_C_SOURCE 200809L
#include "corpus.h"

#include <pthread.h>
#include <time.h>

static void* work(void* user) {
  const dispatch_call* call = (const dispatch_call*)user;
  dispatch_str* out = (dispatch_str*)call->alloc(call, sizeof(dispatch_str), 8);
  const dispatch_status status = answer(call, GOOD_TICKET, out);
  call->complete(call, status, out);
  return NULL;
}

CORPUS_METHOD {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, (void*)(uintptr_t)call) != 0)
    return call->fail(call, DISPATCH_ERR_INTERNAL, text("no thread"), 0);
  pthread_detach(thread);
  return DISPATCH_PENDING;
}
CORPUS_PLUGIN
