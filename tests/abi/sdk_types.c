/* A library in which every struct of the ABI can be found with its debug information, for abidiff. The list
 * is the layout lock's, which is held to be complete. */
#include <dispatch/abi.h>

#define FIELD(type, member, at)
#define STRUCT(type, last, size)                                      \
  __attribute__((visibility("default"))) type* sdk_type_##type(void); \
  type* sdk_type_##type(void) { return NULL; }
#include "layout_lock.inc"
