/* The same lock, read by a C++ compiler. */
#include "layout_lock.c"
