/* Has an address in its code, which the loader would have to write there. */
#include "corpus.h"

__asm__(".pushsection .text\n\t.quad corpus_target\n\t.popsection");
static int target __asm__("corpus_target") __attribute__((used)) = 1;
CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
