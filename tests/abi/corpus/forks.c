/* Starts another process. */
#define _GNU_SOURCE
#include "corpus.h"

#include <unistd.h>

CORPUS_METHOD {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  if (child < 0) return call->fail(call, DISPATCH_ERR_DENIED, text("fork was refused"), 0);
  return answer(call, GOOD_TICKET, out);
}
CORPUS_PLUGIN
