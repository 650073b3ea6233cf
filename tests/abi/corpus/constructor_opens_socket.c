/* A static constructor opens a socket. */
#define _GNU_SOURCE
#include "corpus.h"

#include <sys/socket.h>
#include <unistd.h>

CORPUS_CONSTRUCTOR {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  if (descriptor >= 0) close(descriptor);
}
CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
