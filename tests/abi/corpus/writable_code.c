/* Has a segment that is both writable and executable. */
#include "corpus.h"

__asm__(".pushsection .writable_code,\"awx\",%progbits\n\t.quad 0\n\t.popsection");
CORPUS_INTEGRATION(corpus_good_invoke)
CORPUS_PLUGIN
